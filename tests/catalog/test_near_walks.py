"""Walks near a place give exactly what brute force gives, whatever the sample says, on every backend."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.places import kilometres
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.query import ListingQuery, default_sort
from farmlokal.catalog.question.sorts import SORTS
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.catalog.records import ProductRecord
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
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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
