"""`GET /products/{id}` and `GET /categories`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.reading.category_counts import LIFETIME
from farmlokal.catalog.records import Deletion
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.web import keys
from tests.support.log_lines import at_level, logged
from tests.support.products import PRODUCTS, catalogue
from tests.support.raw_requests import ask, problem
from tests.support.service import Service, open_database, serving, settings_for

ID_RANGE = "between 1 and 9223372036854775807"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue whose product number 7 was deleted."""
    url = await catalogue(tmp_path)
    async with open_database(url) as database:
        await ProductWriter(database).apply([Deletion("test", "7", 2)])
    async with serving(settings_for(url)) as running:
        yield running


async def test_one_product_is_as_the_list_shows_it(service: Service) -> None:
    """A product alone has the fields that it has in a page, two more, and caching headers of its own."""
    (listed,) = (await ask(service.port, "/products?sort=name&limit=1")).json()["data"]
    answer = await ask(service.port, f"/products/{listed['id']}")
    whole = {**listed, "description": None, "brand": None}
    assert (200, "application/json", whole) == (answer.status, answer.headers["Content-Type"], answer.json())
    assert "farmlokal; fwd=miss; stored" == answer.headers["Cache-Status"]
    again = await ask(service.port, f"/products/0{listed['id']}")
    assert again.headers["Cache-Status"].endswith("detail=memory")
    assert answer.headers["ETag"] == again.headers["ETag"]
    assert "Link" not in answer.headers


async def test_what_never_was_and_what_is_gone_are_404(service: Service) -> None:
    """A tombstone looks to a client as a product that never existed, and is no error of ours."""
    with logged() as events:
        for gone in (7, PRODUCTS + 1, 2**63 - 1):
            content = problem(await ask(service.port, f"/products/{gone}"), 404, "not-found")
            assert f"there is no product {gone}" == content["detail"]
    assert [] == at_level(events, "warning", "error", "critical")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        *(("0", "0"), ("-1", "-1"), ("1.0", "1.0"), ("abc", "abc"), ("1%2F2", "1/2"), ("%00", "\\x00"), ("+1", "+1")),
        *((str(2**63), str(2**63)), ("9" * 100, "9" * 80 + "…"), ("1;DROP", "1;DROP"), ("%E0%A5%A7", "१")),
    ],
)
async def test_a_wrong_id_is_a_400_problem(service: Service, given: str, shown: str) -> None:
    """An id that no product can have is refused by name before the database is asked."""
    content = problem(await ask(service.port, f"/products/{given}"), 400, "invalid-parameter")
    kind = "must be" if given.removeprefix("-").isdigit() else "must be a whole number"
    assert [{"parameter": "id", "value": shown, "detail": f"{kind} {ID_RANGE}"}] == content["errors"]


@pytest.mark.parametrize("path", ["/products/1", "/categories"])
async def test_routes_without_parameters_refuse_every_one(service: Service, path: str) -> None:
    """A parameter that would be ignored is refused, with broken encoding listed beside it."""
    content = problem(await ask(service.port, f"{path}?limit=5&fields=name&x=%zz"), 400, "invalid-parameter")
    assert [
        {"parameter": "x", "value": "%zz", "detail": "must be percent-encoded correctly"},
        {"parameter": "limit", "value": "5", "detail": "is not a parameter here"},
        {"parameter": "fields", "value": "name", "detail": "is not a parameter here"},
    ] == content["errors"]


async def test_categories_are_all_there_with_their_counts(service: Service) -> None:
    """The whole closed list comes in its order, without the deleted product, also where a count is zero."""
    answer = await ask(service.port, "/categories")
    live = [number for number in range(1, PRODUCTS + 1) if number != 7]
    expected = [
        {"category": name, "products": sum(number % len(CATEGORIES) == place for number in live)}
        for place, name in enumerate(CATEGORIES)
    ]
    assert {"data": expected} == answer.json()
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])


async def test_an_empty_catalogue_has_every_category_at_zero(tmp_path: Path) -> None:
    """Before the first product the list is as long as ever."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    async with open_database(url), serving(settings_for(url)) as service:
        answer = await ask(service.port, "/categories")
    assert [{"category": name, "products": 0} for name in CATEGORIES] == answer.json()["data"]


async def test_category_counts_are_made_in_the_background(service: Service) -> None:
    """Once they were counted after the start the first client gets a hit, of a lifetime under five minutes."""
    await service.app[keys.CACHE]._flights.drain(5)
    answer = await ask(service.port, "/categories")
    assert answer.headers["Cache-Status"].endswith("detail=memory")
    assert LIFETIME.ttl_s * 1.1 < 300
