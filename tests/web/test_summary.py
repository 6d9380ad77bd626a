"""`GET /products/summary` over HTTP: one entry for every spelling, conditional, as new as the last write."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.web import keys
from tests.support.service import Service, open_database, serving, settings_for, sqlite_url

_NAMES = (("Tomato (Hybrid)", "vegetables"), ("Tomato Pickle", "pickles"), ("Okra (Local)", "vegetables"))


def product(number: int) -> ProductRecord:
    """Product `number`: names and districts take turns."""
    name, category = _NAMES[number % len(_NAMES)]
    return ProductRecord(
        source="test",
        external_id=str(number),
        version=1,
        name=name,
        category=category,
        price_paise=100 * number,
        unit="kg",
        district=("Pune", "Satara")[number % 2],
        lat=18.52,
        lon=73.8 + number / 10,
        organic=number < 6,
        created_at="2026-11-22T10:15:00Z",
    )


@pytest.fixture(params=["on", "off"])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    """A service over 30 products, with the hot path and without."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as database:
        await ProductWriter(database).apply([product(number) for number in range(30)])
    async with serving(settings_for(url, hot_path=request.param)) as running:
        yield running


async def ask(service: Service, query: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers and body of a summary."""
    async with service.client.get(f"/products/summary{query}", headers=headers) as answer:
        return answer.status, answer.headers, orjson.loads(await answer.read() or b"null")


def exactly(products: int) -> dict[str, Any]:
    """What is said of a number that was counted."""
    return {"value": products, "exact": True, "low": products, "high": products}


def numbers(facet: dict[str, Any]) -> dict[Any, int]:
    """The numbers of a facet, but for values that no product has."""
    shown = {one.get("value", one.get("min")): one["products"]["value"] for one in facet["values"]}
    return {value: number for value, number in shown.items() if number}


async def test_total_and_distributions(service: Service) -> None:
    """The total of what passes, and each facet without its own filter."""
    status, headers, body = await ask(service, "?category=vegetables&district=Pune&max_price=20")
    assert (200, exactly(8)) == (status, body["total"])
    assert {"pickles": 3, "vegetables": 8} == numbers(body["facets"]["category"])
    assert {"pune": 8, "satara": 6} == numbers(body["facets"]["district"])
    assert {"0.00": 2, "5.00": 2, "10.00": 3, "20.00": 3} == numbers(body["facets"]["price"])
    assert {True: 2, False: 6} == numbers(body["facets"]["organic"])
    assert {False: 8} == numbers(body["facets"]["in_stock"])
    assert {None: 8} == numbers(body["facets"]["rating"])
    assert {"total", "facets"} == set(body)
    assert headers["Cache-Control"].startswith("public, max-age=")


async def test_every_spelling_is_one_answer(service: Service) -> None:
    """Order, case and trackers make no difference; the answer is cached, and there is nothing new for who has it."""
    spellings = (
        "?category=fruits,vegetables&min_price=5",
        "?min_price=5.00&category[]=FRUITS&category=vegetables&gclid=1",
    )
    answers = [await ask(service, one) for one in spellings]
    assert [200, 200] == [status for status, _, _ in answers], answers
    assert 1 == len({headers["ETag"] for _, headers, _ in answers})
    assert ["fwd=miss; stored", "hit"] == [
        headers["Cache-Status"].removeprefix("farmlokal; ").partition("; ttl")[0] for _, headers, _ in answers
    ]
    status, _, _ = await ask(service, spellings[0], **{"If-None-Match": answers[0][1]["ETag"]})
    assert 304 == status


async def test_a_write_is_counted_at_once(service: Service) -> None:
    """A product of another category than was asked for is in the next answer: that category is counted, too."""
    _, _, before = await ask(service, "?category=vegetables")
    writer = ProductWriter(service.app[keys.LISTING]._store._database)
    (applied,) = await writer.apply([product(31)._replace(category="fruits")])
    await service.app[keys.CACHE].invalidate(applied.tags)
    _, _, after = await ask(service, "?category=vegetables")
    assert ({"vegetables": 20, "pickles": 10}, {"vegetables": 20, "pickles": 10, "fruits": 1}) == (
        numbers(before["facets"]["category"]),
        numbers(after["facets"]["category"]),
    )


async def test_words_are_understood_as_in_the_listing(service: Service) -> None:
    """What was understood is said; words that become a place are a filter; the categories of a name are counted."""
    _, _, body = await ask(service, f"?q={quote('tamatar pune')}&category=vegetables")
    assert {"q": "tomato", "filters": {"district": "pune"}} == body["search"]
    assert exactly(5) == body["total"]
    assert {"vegetables": 5, "pickles": 5} == numbers(body["facets"]["category"])
    assert {"pune": 5, "satara": 5} == numbers(body["facets"]["district"])
    _, _, page = await ask_listing(service, f"?q={quote('tamatar pune')}&category=vegetables&limit=100")
    assert (5, page["search"]) == (len(page["data"]), body["search"])


async def ask_listing(service: Service, query: str) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers and body of a page."""
    async with service.client.get(f"/products{query}") as answer:
        return answer.status, answer.headers, await answer.json()


async def test_nothing_is_found(service: Service) -> None:
    """Words that no name has: none of anything, exactly, and what to ask instead."""
    _, _, body = await ask(service, "?q=okra+xyzzy")
    assert (exactly(0), ["Okra"]) == (body["total"], body["search"]["suggestions"])
    assert [{}] * 6 == [numbers(facet) for facet in body["facets"].values()]


async def test_near(service: Service) -> None:
    """What lies within a radius is counted; the place is echoed as it was rounded."""
    _, _, body = await ask(service, "?near=18.5200001,73.8&radius_km=50")
    _, _, page = await ask_listing(service, "?near=18.5200001,73.8&radius_km=50&limit=100")
    assert ("18.52,73.8", exactly(len(page["data"]))) == (body["near"], body["total"])


async def test_what_belongs_to_pages_is_refused(service: Service) -> None:
    """A sort, a limit and a cursor are no parameters here, nor is what nobody knows; every fault is told at once."""
    status, _, body = await ask(service, "?sort=price&limit=20&cursor=abc&min_price=9&max_price=1&organic=maybe&x=1")
    assert 400 == status
    assert {"sort", "limit", "cursor", "organic", "x", "min_price"} == {one["parameter"] for one in body["errors"]}
    assert body["errors"][0]["detail"].startswith("is not a parameter; these are: category, min_price")


async def test_a_product_is_not_hidden(service: Service) -> None:
    """The route stands beside that of one product: `summary` is no id."""
    async with service.client.get("/products/1") as answer:
        assert (200, 1) == (answer.status, (await answer.json())["id"])
    async with service.client.post("/products/summary") as answer:
        assert 405 == answer.status
