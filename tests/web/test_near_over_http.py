"""Near a place, seen from outside: every page of every walk against brute force, where a globe is hardest."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from itertools import product as combinations
from typing import Any
from urllib.parse import urlencode

import pytest

from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.versions import Change
from farmlokal.catalog.writing.writer import ProductWriter
from tests.support.backends import on_every_backend
from tests.support.products import product
from tests.support.service import Service, fill, open_database, serving, settings_for
from tests.web.globe import Place, kilometres, squared_of

# Corners of the globe and of its cells, both sides of the date line, a market with forty products, its surroundings at
# every scale, and one product in eight without a place.
_CORNERS = [
    *combinations((-90, 90), (0, 73.5, -180)),
    *combinations((0, 45, -22.5), (0, 45, 180, -180)),
    *combinations((10, -0.00001), (179.9999, -179.9999, 180, -0.00001)),
]
_MARKET = (18.5204, 73.8567)
_AROUND = [
    (round(_MARKET[0] + north * 10**-exponent, 7), round(_MARKET[1] + east * 10**-exponent, 7))
    for exponent in range(1, 7)
    for north, east in ((1, 1), (-1, 0), (0, -1), (1, -1))
]
_PLACES = [*_CORNERS, *_AROUND, *[_MARKET] * 40]
RECORDS = [
    product(number)._replace(lat=None, lon=None) if number % 8 == 0 else product(number)._replace(lat=lat, lon=lon)
    for number, (lat, lon) in enumerate(_PLACES * 2, 1)
]
FROM = ("18.52,73.857", "0,0", "90,12", "-90,0", "10,180", "10,-179.9995", "45,45", "-22.5,-180", "-33.4489,-70.6693")
FURTHER: list[dict[str, str]] = [
    {},
    {"radius_km": "0.1", "limit": "7"},
    {"radius_km": "500", "category": "vegetables,honey"},
    {"in_stock": "true", "organic": "true", "limit": "3"},
    {"radius_km": "20", "sort": "-price", "limit": "9"},
    {"sort": "name", "district": "Pune", "limit": "100"},
    {"radius_km": "500", "sort": "-created_at", "limit": "11"},
    {"max_price": "3", "min_price": "1.5", "sort": "rating", "limit": "30"},
]


@dataclass(frozen=True)
class Shop:
    """A running service, and its products by their ids."""

    service: Service
    writer: ProductWriter
    records: dict[int, ProductRecord]

    async def page(self, question: dict[str, str], cursor: str | None = None) -> dict[str, Any]:
        """One page of the question."""
        query = question if cursor is None else {**question, "cursor": cursor}
        async with self.service.client.get(f"/products?{urlencode(query)}") as answer:
            content: dict[str, Any] = await answer.json()
            assert 200 == answer.status, content
        return content

    async def walk(self, question: dict[str, str]) -> list[dict[str, Any]]:
        """Every page, from the first to the last."""
        pages = [await self.page(question)]
        while cursor := pages[-1]["page"]["next_cursor"]:
            pages.append(await self.page(question, cursor))
        return pages

    async def walk_back(self, question: dict[str, str], last: dict[str, Any]) -> list[dict[str, Any]]:
        """The same pages in the same order, found from the last one on backward."""
        pages = [last]
        while cursor := pages[0]["page"]["prev_cursor"]:
            pages.insert(0, await self.page(question, cursor))
        return pages

    def expected(self, question: dict[str, str]) -> list[tuple[int, float]]:
        """The ids and the kilometres of all that the question asks for, in its order, by looking at every product."""
        here = Place.asked(question["near"])
        radius_km = question.get("radius_km")
        found = []
        for product_id, record in self.records.items():
            if record.lat is None or record.lon is None or not _passes(record, question):
                continue
            squared = here.squared_to(Place.of(Decimal(str(record.lat)), Decimal(str(record.lon))))
            if radius_km is None or squared <= squared_of(float(radius_km)):
                found.append((_order(record, squared, question.get("sort", "distance")), product_id, squared))
        found.sort(reverse=question.get("sort", "").startswith("-"))
        return [(product_id, kilometres(squared)) for _, product_id, squared in found]


def _passes(record: ProductRecord, question: dict[str, str]) -> bool:
    price = Decimal(record.price_paise) / 100
    return (
        record.category in question.get("category", record.category).split(",")
        and question.get("in_stock") in (None, str(bool(record.stock)).lower())
        and question.get("organic") in (None, str(record.organic).lower())
        and question.get("district") in (None, record.district)
        and Decimal(question.get("min_price", 0)) <= price <= Decimal(question.get("max_price", "1e9"))
    )


def _order(record: ProductRecord, squared: int, sort: str) -> Any:
    return {
        "distance": squared,
        "price": record.price_paise,
        "name": record.name,
        "created_at": record.created_at,
        "rating": record.rating,
    }[sort.removeprefix("-")]


def _shown(pages: list[dict[str, Any]]) -> list[tuple[int, float]]:
    return [(product["id"], product["distance_km"]) for page in pages for product in page["data"]]


@pytest.fixture
async def shop(backend_url: str) -> AsyncIterator[Shop]:
    """A service over RECORDS on the backend that the test's parameter names."""
    await fill(backend_url, RECORDS)
    async with open_database(backend_url) as database:
        rows = await database.fetch("SELECT id, external_id FROM products")
        async with serving(settings_for(backend_url)) as service:
            yield Shop(service, ProductWriter(database), {row[0]: RECORDS[int(row[1]) - 1] for row in rows})


@on_every_backend
@pytest.mark.parametrize("near", FROM)
async def test_every_walk_is_that_of_brute_force(shop: Shop, near: str) -> None:
    """Forward and back, nearest first and in other orders, with a radius and filters: each product, its distance."""
    for further in FURTHER:
        question = {"near": near, **further}
        pages = await shop.walk(question)
        assert shop.expected(question) == _shown(pages), question
        assert pages == await shop.walk_back(question, pages[-1]), question
        limit = int(question.get("limit", "20"))
        assert not [page for page in pages[:-1] if len(page["data"]) != limit], question


@on_every_backend
async def test_one_place_is_one_question_however_it_is_spelt(shop: Shop) -> None:
    """Both names of the date line, every longitude of a pole, signs of nothing and further digits: the same bytes."""
    for spellings in (
        ("10,180", "10,-180", "10.0000,180.000", "10.0004,-180.0"),
        ("90,0", "90,12", "90.0,-179.9"),
        ("0,0", "-0,-0.0", "0.0004,-0.0001"),
        ("18.5,73.857", "18.500,73.8571", "018.5,73.85700"),
    ):
        answers = [await shop.page({"near": near}) for near in spellings]
        assert not [answer for answer in answers if answer != answers[0]], spellings


@on_every_backend
async def test_a_walk_among_writes_repeats_and_skips_nothing_that_stays(shop: Shop) -> None:
    """Products before and behind the walk are deleted, moved and added meanwhile; all others come once, in order."""
    near = FROM[0]
    movers = [record for number, record in enumerate(RECORDS) if number % 5 == 0]
    stay = [one for one, record in shop.records.items() if record not in movers]
    question = {"near": near, "limit": "10"}
    pages = [await shop.page(question)]
    for number in count():
        if number < len(movers):
            mover = movers[number]
            change: Change = mover._replace(version=2, lat=number % 180 - 90.0, lon=number * 7 % 360 - 180.0)
            await shop.writer.apply([change if number % 2 else Deletion(mover.source, mover.external_id, 2)])
            await shop.writer.apply([product(1_000 + number)._replace(lat=_MARKET[0], lon=_MARKET[1])])
        cursor = pages[-1]["page"]["next_cursor"]
        if cursor is None:
            break
        pages.append(await shop.page(question, cursor))
    met = [product_id for product_id, _ in _shown(pages)]
    expected = [product_id for product_id, _ in shop.expected(question) if product_id in stay]
    assert expected == [product_id for product_id in met if product_id in stay]
