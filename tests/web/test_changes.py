"""`GET /products/changes` over HTTP: its headers, its faults, and where it does not go back as far."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.catalog.changes.sequencer import Sequencer
from tests.catalog.changes.following import on_offer
from tests.catalog.changes.mirror import Mirror, over_http
from tests.support.products import PRODUCTS, catalogue
from tests.support.service import Service, open_database, serving, settings_for

PATH = "/products/changes"


@pytest.fixture
async def url(tmp_path: Path) -> str:
    """The tests' small catalogue, with every change numbered."""
    url = await catalogue(tmp_path)
    async with open_database(url) as database:
        await Sequencer(database).number()
    return url


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    """A service of it."""
    async with serving(settings_for(url)) as service:
        yield service


async def test_a_mirror_by_http(service: Service, url: str) -> None:
    """The program in `mirror.py` has every product after it has caught up."""
    mirror = Mirror(over_http(service.client, limit=20))
    await mirror.catch_up()
    async with open_database(url) as database:
        assert await on_offer(database) == mirror.products
    assert PRODUCTS == len(mirror.products)


async def test_what_lasts_may_be_kept_and_the_newest_page_is_asked_for_again(service: Service) -> None:
    """A complete page has a day, an open one nothing; each has a validator for each coding, and 304 for its copy."""
    async with service.client.get(PATH, params={"limit": 20}) as first:
        position = (await first.json())["page"]["next_after"]
        assert "public, max-age=0" == first.headers["Cache-Control"]
    log = position.partition(".")[0]
    for after, kept in ((position, "public, max-age=86400"), (f"{log}.0", "public, max-age=86400")):
        async with service.client.get(PATH, params={"after": after, "limit": 20}) as page:
            assert (200, kept) == (page.status, page.headers["Cache-Control"])
    newest = {"after": f"{log}.{PRODUCTS}"}
    async with service.client.get(PATH, params=newest) as page:
        assert {"data": [], "page": {"limit": 100, "has_more": False, "next_after": newest["after"]}} == (
            await page.json()
        )
        assert ("public, max-age=0", "Accept-Encoding") == (page.headers["Cache-Control"], page.headers["Vary"])
        known = {"If-None-Match": page.headers["ETag"]}
    async with service.client.get(PATH, params=newest, headers=known) as same:
        assert (304, b"") == (same.status, await same.read())
    async with service.client.head(PATH, params=newest) as head:
        assert (200, known["If-None-Match"]) == (head.status, head.headers["ETag"])


async def test_a_position_that_the_log_does_not_have_is_gone(service: Service) -> None:
    """A 410 that says to start over, and that nobody keeps."""
    async with service.client.get(PATH, params={"after": "0123456789abcdef.7"}) as answer:
        problem = await answer.json()
        assert (410, "/problems/position-gone") == (answer.status, problem["type"])
        assert "after is of another catalogue than this one: start over without it" == problem["detail"]
        assert "no-store" == answer.headers["Cache-Control"]


async def test_every_fault_is_told(service: Service) -> None:
    """A position that is none, a limit out of its bounds, and a parameter of the listing."""
    async with service.client.get(f"{PATH}?after=42&limit=501&sort=price") as answer:
        assert 400 == answer.status
        assert [
            ("after", "42", "must be the next_after of a page, or be left out to begin"),
            ("limit", "501", "must be between 1 and 500"),
            ("sort", "price", "is not a parameter; these are: after, limit"),
        ] == [tuple(fault.values()) for fault in (await answer.json())["errors"]]


async def test_the_largest_numbers_are_no_error_of_ours(service: Service) -> None:
    """A position at the end of all numbers is ahead of the log; one beyond it is none."""
    async with service.client.get(PATH, params={"limit": 1}) as first:
        log = (await first.json())["page"]["next_after"].partition(".")[0]
    statuses = []
    last = 10**18 - 1
    for position in (f"{last}", f"{last}.{last}", f"{last + 1}", f"0.{last + 1}", "0" * 30):
        async with service.client.get(PATH, params={"after": f"{log}.{position}"}) as answer:
            statuses.append(answer.status)
    assert [410, 410, 400, 400, 400] == statuses


async def test_trackers_are_dropped(service: Service) -> None:
    """Parameters that are ignored elsewhere are ignored here."""
    async with service.client.get(f"{PATH}?utm_source=x&limit=1") as answer:
        assert 200 == answer.status
