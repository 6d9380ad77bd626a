"""Walks near a place give exactly what brute force gives, whatever the sample says, on every backend."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.places import kilometres
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.query import ListingQuery, default_sort
from farmlokal.catalog.question.sorts import SORTS, Position
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from tests.catalog.questions import where
from tests.catalog.reference import Listed, reference_listing, squared_to
from tests.catalog.walking import SIGNER, ids, walk
from tests.support.backends import on_every_backend
from tests.support.service import open_database

CELL = 360 / 2**26
# Neighbours of a cell's and of big squares' borders, both poles, both sides of the date line, and their surroundings.
EDGES = [0.0, CELL, -CELL, 22.5, 45.0, 45.0 - CELL / 2, 90.0 - CELL, 18.5204, 18.52041]
LATS = st.sampled_from([*EDGES, 90.0, -90.0, 89.9999, -0.0]) | st.floats(-90, 90)
LONS = st.sampled_from([*EDGES, 180.0, -180.0, 179.99999, -179.99999, 73.8567, 73.85671]) | st.floats(-180, 180)
PLACES = (
    st.none() | st.tuples(LATS, LONS) | st.sampled_from([(18.5204, 73.8567), (0.0, 0.0), (90.0, 0.0), (-5.0, 180.0)])
)


def _record(number: int, place: tuple[float, float] | None, **others: Any) -> ProductRecord:
    lat, lon = place or (None, None)
    return ProductRecord("test", str(number), 1, unit="kg", lat=lat, lon=lon, **others)


@st.composite
def catalogues(draw: st.DrawFn) -> list[ProductRecord]:
    """Products at few places, so that distances tie, and with few values of everything else."""
    places = draw(st.lists(PLACES, min_size=1, max_size=8))
    return [
        _record(
            number,
            draw(st.sampled_from(places)),
            name=draw(st.sampled_from(["Okra", "okra", "Tomato"])),
            category=draw(st.sampled_from(CATEGORIES[:3])),
            price_paise=draw(st.sampled_from([1, 100, 101])),
            farm=draw(st.sampled_from([None, "Patil Farm", "Rao Farm"])),
            district=draw(st.sampled_from([None, "Pune"])),
            state=draw(st.sampled_from([None, "Goa"])),
            stock=draw(st.sampled_from([0, 5])),
            organic=draw(st.booleans()),
            rating=draw(st.sampled_from([None, 4.4])),
            created_at=draw(st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"])),
        )
        for number in range(draw(st.integers(0, 40)))
    ]


def points_near(records: list[ProductRecord]) -> st.SearchStrategy[Any]:
    """Points to ask for: at products, beside them, on borders, anywhere."""
    at = [f"{record.lat:.3f},{record.lon:.3f}" for record in records if record.lat is not None]
    anywhere = st.tuples(LATS, LONS).map(lambda place: f"{place[0]:.6f},{place[1]:.6f}")
    return (anywhere | st.sampled_from(at) if at else anywhere).map(POINT.parse)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "category": st.lists(st.sampled_from(CATEGORIES[:4]), min_size=1, max_size=3),
        "min_price": st.just(100),
        "max_price": st.just(100),
        "district": st.sampled_from(["pune", "nowhere"]),
        "state": st.just("goa"),
        "farm_id": st.integers(1, 3),
        "in_stock": st.booleans(),
        "organic": st.booleans(),
    },
)


async def listing_with(database: Database, draw: random.Random) -> Listing:
    """The listing, whose planner goes by a part of the catalogue that it takes for any share of it."""
    store = ProductStore(database)
    rows = list((await draw_sample(database)).by_sort["created_at"])
    kept = draw.sample(rows, draw.randint(0, len(rows)))
    store.planner.sample = Sample(kept, draw.choice([1.0, 0.2, 0.01]))
    return Listing(store, SIGNER)


async def listed(database: Database, records: list[ProductRecord]) -> list[Listed]:
    """`records` with the ids that the store gave them and their farms."""
    rows = await database.fetch("SELECT external_id, id, farm_id FROM products WHERE live = 1")
    by_name = {name: (row_id, farm_id) for name, row_id, farm_id in rows}
    return [(by_name[one.external_id][0], one, by_name[one.external_id][1]) for one in records]


async def check_walks(listing: Listing, products: list[Listed], query: ListingQuery) -> None:
    """Assert that `query` walked forward, then back, agrees with brute force, and so do the distances shown."""
    near = query.filters.get(NEAR)
    forward = await walk(listing, query)
    assert reference_listing(products, query.filters, query.sort) == ids(forward)
    records = {row_id: record for row_id, record, _ in products}
    for page in forward:
        assert str(near.point) == page["page"]["near"]
        for product in page["data"]:
            assert kilometres(squared_to(near, records[product["id"]])) == product["distance_km"]
    if forward[-1]["page"]["prev_cursor"] is not None:
        back = await walk(listing, query, relation="prev_cursor", start=forward[-1]["page"]["prev_cursor"])
        assert forward[-2::-1] == back


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """An empty catalogue."""
    async with open_database(backend_url) as opened:
        yield opened


@on_every_backend
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(records=catalogues(), draw=st.randoms(use_true_random=False), data=st.data())
async def test_any_walk_agrees_with_brute_force(
    database: Database, records: list[ProductRecord], draw: random.Random, data: st.DataObject
) -> None:
    """Random catalogues and questions, with ties, borders, poles and the date line, by samples true and false."""
    await database.run_script(["DELETE FROM products", "DELETE FROM farms"])
    await ProductWriter(database).apply(records)
    products = await listed(database, records)
    for _ in range(3):
        radius = data.draw(st.none() | st.sampled_from([1, 15, 100, 5000]))
        filters = where(near=data.draw(points_near(records)), radius_km=radius, **data.draw(FILTERS))
        sort = data.draw(st.sampled_from([default_sort(filters)] * 4 + list(SORTS.values())))
        query = ListingQuery(filters, sort, data.draw(st.integers(1, 7)))
        await check_walks(await listing_with(database, draw), products, query)


def market_and_farms(products: int = 500, crowd: int = 300) -> list[ProductRecord]:
    """Seeded products, some of which are all moved to one market among their farms, and some to nowhere."""
    records = list(generate(1, products))
    market = records[0]
    crowded = [record._replace(lat=market.lat, lon=market.lon) for record in records[:crowd]]
    return [*crowded, *(record._replace(lat=None, lon=None) for record in records[crowd:][:20]), *records[crowd + 20 :]]


@on_every_backend
async def test_pages_at_any_depth_agree_with_brute_force(database: Database) -> None:
    """Pages from drawn positions on, both ways, at a market with many products and far from it, by a coarse sample."""
    records = market_and_farms()
    await ProductWriter(database).apply(records)
    products = await listed(database, records)
    store = ProductStore(database)
    draw = random.Random(9)
    rows = list((await draw_sample(database)).by_sort["created_at"])
    store.planner.sample = Sample(draw.sample(rows, 200), 0.02)
    at_market = f"{records[0].lat:.3f},{records[0].lon:.3f}"
    rounds = 0
    for number in range(60):
        radius = draw.choice([None, None, 20, 5000])
        others: dict[str, Any] = draw.choice([{}, {}, {"category": ["vegetables"]}, {"organic": True}])
        point = POINT.parse(draw.choice([at_market, "20.5,78.9", "0,0", "-20,-100"]))
        filters = where(near=point, radius_km=radius, **others)
        query = ListingQuery(filters, default_sort(filters), draw.randint(1, 30))
        right = reference_listing(products, filters, query.sort)
        if not right:
            continue
        at = draw.randrange(len(right))
        by_id = {row_id: record for row_id, record, _ in products}
        position = Position(squared_to(filters.get(NEAR), by_id[right[at]]), right[at], backward=number % 2 == 1)
        expected = right[:at][::-1] if position.backward else right[at + 1 :]
        found = await store.page(replace(query, position=position))
        assert expected[: query.limit + 1] == [orjson.loads(row.product)["id"] for row in found]
        rounds += 1
    assert rounds > 40


@on_every_backend
@pytest.mark.parametrize("sort", ["distance", "-price"])
async def test_writes_during_a_walk_neither_repeat_nor_skip(database: Database, sort: str) -> None:
    """Products that do not change are met exactly once, whatever is inserted, moved and deleted around them."""
    records = market_and_farms()
    writer = ProductWriter(database)
    await writer.apply(records)
    changing = [record for record in records[::3] if record.lat is not None]
    untouched = {record.external_id for record in records if record.lat is not None}
    untouched -= {record.external_id for record in changing}
    draw = random.Random(7)
    number = 10_000

    async def write() -> None:
        nonlocal number
        number += 10
        places = [(record.lat, record.lon) for record in draw.sample(records, 10)]
        moved = [
            record._replace(version=number, lat=lat, lon=lon, price_paise=draw.randrange(1, 20_000))
            for record, (lat, lon) in zip(draw.sample(changing, 10), places, strict=True)
        ]
        gone = [Deletion("seed", record.external_id, number + 1) for record in draw.sample(changing, 3)]
        await asyncio.gather(writer.apply([*generate(number, 10)]), writer.apply(moved), writer.apply(gone))

    filters = where(near=POINT.parse("20.5,78.9"))
    sorts = {**SORTS, "distance": default_sort(filters)}
    listing = await listing_with(database, draw)
    pages = await walk(listing, ListingQuery(filters, sorts[sort], 25), between=write)
    rows = await database.fetch("SELECT id, external_id FROM products")
    names = {row[0]: row[1] for row in rows}
    met = [names[product_id] for product_id in ids(pages) if names[product_id] in untouched]
    assert len(met) == len(set(met))
    assert untouched == set(met)


@on_every_backend
async def test_an_emptied_end_can_be_walked_back_from(database: Database) -> None:
    """When everything past a cursor is gone, the page is empty and its prev_cursor leads to what is left."""
    records = [_record(number, (10.0 + number // 3, 77.0), name="Okra", category="vegetables", price_paise=1)
               for number in range(9)]  # fmt: skip
    await ProductWriter(database).apply(records)
    filters = where(near=POINT.parse("10,77"))
    query = ListingQuery(filters, default_sort(filters), 5)
    listing = await listing_with(database, random.Random(1))
    first, _ = await walk(listing, query)
    gone = ", ".join(map(str, set(range(1, 10)) - set(ids([first]))))
    await database.run_script([f"UPDATE products SET live = 0 WHERE id IN ({gone})"])
    (empty,) = await walk(listing, query, start=first["page"]["next_cursor"])
    assert ([], None) == (empty["data"], empty["page"]["next_cursor"])
    (back,) = await walk(listing, query, relation="prev_cursor", start=empty["page"]["prev_cursor"])
    assert ids([first]) == ids([back])
