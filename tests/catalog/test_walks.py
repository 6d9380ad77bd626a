"""Walking pages gives every matching product exactly once, forward and back, on every backend."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.question.query import NO_FILTERS, ListingQuery
from farmlokal.catalog.question.sorts import SORTS, Sort
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from tests.catalog.questions import where
from tests.catalog.reference import Listed, reference_listing
from tests.catalog.walking import ids, listing_over, page, walk
from tests.support.service import open_database, sqlite_url

BACKENDS = ("sqlite", "mariadb", pytest.param("mysql9", marks=pytest.mark.proof))


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty catalogue on each backend."""
    fixtures = {"mariadb": "mysql_url", "mysql9": "mysql9_url"}
    url = request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else sqlite_url(tmp_path)
    async with open_database(url) as opened:
        yield opened


async def listed(database: Database, records: list[ProductRecord]) -> list[Listed]:
    """`records` with the ids that the store gave them and their farms."""
    rows = await database.fetch("SELECT source, external_id, id, farm_id FROM products WHERE live = 1")
    by_identity = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    return [
        (*by_identity[record.source, record.external_id][:1], record, by_identity[record.source, record.external_id][1])
        for record in records
        if (record.source, record.external_id) in by_identity
    ]


async def clear(database: Database) -> None:
    """Empty the catalogue."""
    await database.run_script(["DELETE FROM products", "DELETE FROM farms"])


async def check_walks(database: Database, products: list[Listed], query: ListingQuery) -> None:
    """Assert that `query` walked forward, then back, agrees with the reference."""
    listing = listing_over(database)
    forward = await walk(listing, query)
    assert reference_listing(products, query.filters, query.sort) == ids(forward)
    assert all(len(one["data"]) == query.limit for one in forward[:-1])
    if forward[-1]["page"]["prev_cursor"] is not None:
        back = await walk(listing, query, relation="prev_cursor", start=forward[-1]["page"]["prev_cursor"])
        assert forward[-2::-1] == back


# Few values of each kind, so that everything ties with something.
RECORDS = st.lists(
    st.builds(
        ProductRecord,
        source=st.just("test"),
        external_id=st.uuids().map(str),
        version=st.just(1),
        name=st.sampled_from(
            ["Tomato", "tomato", "TOMATO ", "Ä", "Äpfel", "apple", "Zwiebel", "ßa", "आम", "🍅", "a b"]
        ),
        category=st.sampled_from(CATEGORIES[:3]),
        price_paise=st.sampled_from([0, 1, 99, 100, 101, 1000, 99_999_999_999]),
        unit=st.sampled_from(["kg", "kg", "dozen"]),
        market=st.none(),
        lat=st.none(),
        lon=st.none(),
        farm=st.sampled_from([None, "Patil Farm", "PATIL FARM", "Rao Farm"]),
        district=st.sampled_from([None, "Pune", "PUNE", "Nashik"]),
        state=st.sampled_from([None, "Maharashtra", "Goa"]),
        stock=st.sampled_from([0, 1, 5]),
        organic=st.booleans(),
        rating=st.sampled_from([None, 0.0, 4.4, 4.45, 5.0]),
        created_at=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2025-12-31T23:59:59Z"]),
        said=st.none(),
        min_paise=st.none(),
        max_paise=st.none(),
        image_url=st.sampled_from([None, "https://farm.example/okra.jpg"]),
        description=st.sampled_from([None, "Tender"]),
        brand=st.sampled_from([None, "Gaon Se"]),
    ),
    max_size=40,
)
FILTERS = st.builds(
    where,
    category=st.lists(st.sampled_from(CATEGORIES[:4]), max_size=3),
    min_price=st.none() | st.sampled_from([0, 1, 100]),
    max_price=st.none() | st.sampled_from([100, 1000]),
    district=st.lists(st.sampled_from(["pune", "nashik", "nowhere"]), max_size=3),
    state=st.lists(st.sampled_from(["maharashtra", "goa"]), max_size=2),
    farm_id=st.lists(st.integers(1, 3), max_size=2),
    min_rating=st.none() | st.sampled_from([1, 441, 442, 501]),
    unit=st.none() | st.sampled_from(["kg", "dozen", "KG"]),
    in_stock=st.none() | st.booleans(),
    organic=st.none() | st.booleans(),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
async def test_any_walk_agrees_with_the_reference(database: Database, data: st.DataObject) -> None:
    """Random catalogues full of ties, random questions: the walk is the reference's list, both ways."""
    records = data.draw(RECORDS)
    await clear(database)
    await ProductWriter(database).apply(records)
    products = await listed(database, records)
    for _ in range(4):
        query = ListingQuery(
            data.draw(FILTERS), data.draw(st.sampled_from(list(SORTS.values()))), data.draw(st.integers(1, 7))
        )
        await check_walks(database, products, query)


@pytest.mark.parametrize("sort", SORTS.values(), ids=str)
async def test_every_sort_walks_the_seed_catalogue(database: Database, sort: Sort) -> None:
    """Each sort over 2,000 realistic products gives each exactly once, and the same pages backward."""
    records = list(generate(1, 2000))
    await ProductWriter(database).apply(records)
    await check_walks(database, await listed(database, records), ListingQuery(sort=sort, limit=97))


async def test_limit_may_change_along_a_cursor(database: Database) -> None:
    """A walk that asks for another limit on each page still meets every product once."""
    records = list(generate(1, 300))
    await ProductWriter(database).apply(records)
    listing = listing_over(database)
    seen: list[int] = []
    cursor: str | None = None
    for limit in (1, 100, 7, 50, 3, 100, 100, 100):
        one = await page(listing, ListingQuery(limit=limit), cursor)
        seen += ids([one])
        cursor = one["page"]["next_cursor"]
        if cursor is None:
            break
    assert reference_listing(await listed(database, records), NO_FILTERS, ListingQuery().sort) == seen


@pytest.mark.parametrize("sort", ["-created_at", "price", "name", "-rating"])
async def test_writes_during_a_walk_neither_repeat_nor_skip(database: Database, sort: str) -> None:
    """Products that do not change are met exactly once, whatever is inserted, moved and deleted around them."""
    records = list(generate(1, 600))
    writer = ProductWriter(database)
    await writer.apply(records)
    changing = records[::3]
    untouched = {record.external_id for record in records} - {record.external_id for record in changing}
    draw = random.Random(7)
    number = 10_000

    async def write() -> None:
        nonlocal number
        number += 10
        moved = [
            record._replace(
                version=number, price_paise=draw.randrange(1, 20_000), name=draw.choice("AMZ") + record.name
            )
            for record in draw.sample(changing, 10)
        ]
        gone = [Deletion("seed", record.external_id, number + 1) for record in draw.sample(changing, 3)]
        await asyncio.gather(writer.apply([*generate(number, 10)]), writer.apply(moved), writer.apply(gone))

    pages = await walk(listing_over(database), ListingQuery(sort=SORTS[sort], limit=25), between=write)
    rows = await database.fetch("SELECT id, external_id FROM products")
    names = {row[0]: row[1] for row in rows}
    met = [names[product_id] for product_id in ids(pages) if names[product_id] in untouched]
    assert len(met) == len(set(met))
    assert untouched == set(met)


async def test_an_emptied_end_can_be_walked_back_from(database: Database) -> None:
    """When everything past a cursor is deleted, the page is empty and its prev_cursor leads to what is left."""
    records = list(generate(1, 10))
    writer = ProductWriter(database)
    await writer.apply(records)
    listing = listing_over(database)
    for sort in SORTS.values():
        query = ListingQuery(sort=sort, limit=5)
        order = reference_listing(await listed(database, records), NO_FILTERS, sort)
        first, second = await walk(listing, query)
        late = {row[0] for row in await database.fetch("SELECT id FROM products") if row[0] in order[5:]}
        marks = ", ".join(map(str, late))
        await database.run_script([f"UPDATE products SET live = 0 WHERE id IN ({marks})"])
        empty = (await walk(listing, query, start=first["page"]["next_cursor"]))[-1]
        assert ([], None) == (empty["data"], empty["page"]["next_cursor"])
        back = await walk(listing, query, relation="prev_cursor", start=empty["page"]["prev_cursor"])
        assert order[:5] == ids(back)
        await database.run_script(["UPDATE products SET live = 1"])
        assert second["data"] != empty["data"]


@pytest.mark.proof
async def test_the_real_file_walks_completely(database: Database, real_data: Path) -> None:
    """One real day of prices imports without loss; each sort gives every product once, and the pages backward."""
    bad: list[Any] = []
    summary = await import_file(
        real_data / "mandi-prices-2025-02-19.csv",
        ProductWriter(database),
        MarketFiles(database),
        locations=real_data / "mandi-locations.csv",
        on_bad_row=bad.append,
    )
    assert (18_212, []) == (summary.rows, bad)
    rows = await database.fetch("SELECT id FROM products WHERE live = 1")
    listing = listing_over(database)
    for sort in SORTS.values():
        query = ListingQuery(sort=sort, limit=100)
        forward = await walk(listing, query)
        assert {row[0] for row in rows} == set(ids(forward))
        assert len(rows) == len(ids(forward))
        back = await walk(listing, query, relation="prev_cursor", start=forward[-1]["page"]["prev_cursor"])
        assert forward[-2::-1] == back


async def test_district_filter_ignores_case(database: Database) -> None:
    """A district is found whatever its case, in exactly its own products."""
    records = list(generate(1, 500))
    await ProductWriter(database).apply(records)
    district = records[0].district or ""
    query = ListingQuery(where(district=text_key(district.upper())), limit=100)
    pages = await walk(listing_over(database), query)
    assert {district} == {product["district"] for one in pages for product in one["data"]}
