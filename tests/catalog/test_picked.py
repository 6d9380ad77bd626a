"""Products that are asked for by their ids: all that there are, in that order, and the ids of the others."""

import random
from typing import Any

import orjson

from farmlokal.catalog.places import kilometres
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filters import IDS, NEAR
from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.statement import picked_statement
from farmlokal.catalog.records import Deletion
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.tags import page_tags
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.dialect import MYSQL
from tests.catalog.counted_reads import catalogue_at
from tests.catalog.questions import where
from tests.catalog.reference import reference_listing, squared_to
from tests.catalog.walking import listing_over
from tests.support.backends import on_every_backend, on_every_server
from tests.support.service import open_database

PRODUCTS = 200


@on_every_backend
async def test_what_is_asked_for_is_there_or_missing(backend_url: str) -> None:
    """Whatever ids and further filters: a look at each product gives the same, in the order of the ids."""
    draw = random.Random(6)
    async with open_database(backend_url) as database:
        records = {record.external_id: record for record in generate(1, PRODUCTS)}
        writer = ProductWriter(database)
        await writer.apply(list(records.values()))
        await writer.apply([Deletion("seed", name, 2**40) for name in list(records)[::9]])
        rows = await database.fetch("SELECT id, external_id, farm_id FROM products WHERE live = 1")
        products = [(row[0], records[row[1]], row[2]) for row in rows]
        by_id = {row[0]: records[row[1]] for row in rows}
        others: list[dict[str, Any]] = [{}, {"organic": True}, {"near": POINT.parse("19.998,73.79"), "radius_km": 5000}]
        for number in range(30):
            ids = draw.choices(range(1, PRODUCTS + 20), k=draw.choice([1, 7, 100]))
            query = ListingQuery(where(ids=ids, **others[number % 3]))
            page = orjson.loads((await listing_over(database).page(query)).body)
            passing = set(reference_listing(products, query.filters.without(IDS), ListingQuery().sort))
            asked = list(dict.fromkeys(ids))
            assert [one for one in asked if one in passing] == [product["id"] for product in page["data"]]
            assert [one for one in asked if one not in passing] == page["missing"]
            assert (len(asked), False, None, None) == tuple(page["page"].values())[:4]
            near = query.filters.get(NEAR)
            for product in page["data"] if near else ():
                assert kilometres(squared_to(near, by_id[product["id"]])) == product["distance_km"]


@on_every_server
async def test_only_their_rows_are_read(backend_url: str) -> None:
    """A hundred ids are a hundred rows by primary key, whatever else is asked of them."""
    async with open_database(backend_url) as database:
        await ProductWriter(database).apply(list(generate(1, 1000)))
    async for catalogue in catalogue_at(backend_url, 1000, Sample((), 1.0)):
        query = ListingQuery(where(ids=list(range(1, 1000, 10)), category=["fruits"], in_stock=True))
        statement = picked_statement(query, MYSQL)
        before = await catalogue.handler_reads()
        await catalogue.cursor.execute(statement.sql, statement.params)
        await catalogue.cursor.fetchall()
        assert await catalogue.handler_reads() - before <= 2 * 100


def test_a_page_of_ids_depends_on_its_products_alone() -> None:
    """Its tags are those of the products, so that no other write makes it stale."""
    assert ("product/7", "product/3") == page_tags(ListingQuery(where(ids=[7, 3], category=["fruits"])))
