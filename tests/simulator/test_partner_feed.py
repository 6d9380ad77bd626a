"""The partner's feed: who may read it, what a walk of it covers, and what it says of changes."""

from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from farmlokal.catalog.wire import parse_product
from farmlokal.simulator.catalogue import Catalogue
from farmlokal.simulator.credentials import FEED_SCOPE
from farmlokal.simulator.page_tokens import Place, place_of
from tests.simulator.simulated_partner import (
    OTHER_SCOPE,
    PRODUCTS,
    TOKEN_TTL_S,
    SimulatedPartner,
    start_partner,
)
from tests.support.clock import START_S


@pytest.fixture
async def harness(aiohttp_client: AiohttpClient) -> SimulatedPartner:
    """A partner of its own for each test."""
    return await start_partner(aiohttp_client)


def ids(pages: list[dict[str, Any]]) -> list[str]:
    """The external ids of all rows, in the order they came."""
    return [row["external_id"] for page in pages for row in page["products"]]


async def challenge(harness: SimulatedPartner, headers: dict[str, str]) -> tuple[int, str]:
    """Status and WWW-Authenticate of a feed request with `headers`."""
    async with harness.client.get("/products", headers=headers) as response:
        return response.status, response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("page_size", [1000, 500, PRODUCTS // 2, 7])
async def test_walk_covers_every_product_once(harness: SimulatedPartner, page_size: int) -> None:
    """Whether or not the page size divides the catalogue, a walk meets each product exactly once, in order."""
    pages = await harness.walk(page_size=page_size)
    assert [str(number) for number in range(1, PRODUCTS + 1)] == ids(pages)
    assert -(-PRODUCTS // page_size) == len(pages)


async def test_page_size_defaults_to_500(harness: SimulatedPartner) -> None:
    """A request that names no page size gets 500 rows and the walk's moment."""
    page = await harness.fetch()
    assert {"products", "next_page_token", "as_of"} == page.keys()
    assert (500, "2026-11-22T10:15:00Z") == (len(page["products"]), page["as_of"])


async def test_equal_requests_get_equal_pages(harness: SimulatedPartner) -> None:
    """Rows and page tokens hold nothing random."""
    assert await harness.fetch(page_size=3) == await harness.fetch(page_size=3)


async def test_rows_keep_to_the_wire_format(harness: SimulatedPartner) -> None:
    """Every row passes the catalogue's own check of the wire format, as the partner's."""
    for row in (await harness.fetch())["products"]:
        record = parse_product(row, source="someone else")
        assert "partner" == record.source
        assert (row["version"], row["category"]) == (record.version, record.category)


async def test_without_a_token_the_challenge_names_no_error(harness: SimulatedPartner) -> None:
    """A request without bearer credentials learns the scheme and no more (RFC 6750 section 3.1)."""
    assert (401, 'Bearer realm="partner"') == await challenge(harness, {})
    assert (401, 'Bearer realm="partner"') == await challenge(harness, {"Authorization": "Basic eDp5"})


async def test_unknown_and_expired_tokens_are_invalid(harness: SimulatedPartner) -> None:
    """A token that was never issued, or whose time is up to the second, is refused as invalid_token."""
    harness.clock.now_s += TOKEN_TTL_S - 1
    assert 200 == await harness.status()
    harness.clock.now_s += 1
    for headers in (harness.bearer, {"Authorization": "Bearer never-issued"}):
        status, header = await challenge(harness, headers)
        assert 401 == status
        assert 'error="invalid_token"' in header


async def test_token_of_another_scope_is_not_enough(harness: SimulatedPartner) -> None:
    """A live token without the feed's scope gets 403 and the scope that it lacks."""
    token = harness.partner.credentials.issue(frozenset({OTHER_SCOPE}))
    status, header = await challenge(harness, {"Authorization": f"Bearer {token}"})
    assert 403 == status
    assert 'error="insufficient_scope"' in header
    assert f'scope="{FEED_SCOPE}"' in header


@pytest.mark.parametrize(
    "query",
    [
        "page_size=0",
        "page_size=1001",
        "page_size=ten",
        "page_size=",
        "page_size=1&page_size=1",
        "page_token=AAAA",
        "page_token=é",
        "page_token=",
        "updated_since=yesterday",
        "updated_since=2026-11-22T10:15:00",
        "limit=5",
    ],
)
async def test_bad_parameters_are_refused(harness: SimulatedPartner, query: str) -> None:
    """A value out of range, malformed, repeated or unknown is a 400 that says which parameter is at fault."""
    async with harness.client.get(f"/products?{query}", headers=harness.bearer) as response:
        assert 400 == response.status
        assert "invalid_request" == (await response.json())["error"]


async def test_altered_page_token_is_refused(harness: SimulatedPartner) -> None:
    """A page token with one character changed, or cut short, is not taken for another place."""
    good = (await harness.fetch(page_size=1))["next_page_token"]
    for bad in ("B" + good[1:], good[:-4], good + "AAAA", good + "!"):
        assert 400 == await harness.status(f"page_token={bad}")


async def test_page_token_of_another_walk_is_refused(harness: SimulatedPartner) -> None:
    """A page token cannot be moved from the whole walk to one since a moment."""
    page_token = (await harness.fetch(page_size=1))["next_page_token"]
    assert 400 == await harness.status(f"page_token={page_token}&updated_since=2026-11-22T10:15:00Z")


@pytest.mark.parametrize("since_s", [None, 0, START_S])
def test_page_token_gives_its_place_back(since_s: int | None) -> None:
    """What a page token was made from is what it reads as."""
    place = Place(10_000_000, START_S, since_s)
    assert place == place_of(place.token())


def test_page_token_of_a_larger_catalogue_ends_the_walk() -> None:
    """A reader that comes back after the partner restarted with fewer products gets an empty last page."""
    assert ([], None) == Catalogue(10, clock=lambda: 0.0).page(900, 500)


def test_last_page_of_a_million_rows_needs_no_page_before_it() -> None:
    """Pages are computed by number: the end of a large catalogue can be asked for at once, and holds no state."""
    catalogue = Catalogue(1_000_000, clock=lambda: 0.0)
    rows, after = catalogue.page(999_999, 1000)
    assert (["1000000"], None) == ([row["external_id"] for row in rows], after)
    assert "<Catalogue products=1000000 changed=0>" == repr(catalogue)
