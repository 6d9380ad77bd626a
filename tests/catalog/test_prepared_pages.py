"""Pages by prepared statements: the same rows for the same entries read, and by the index alone, whoever else asks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from farmlokal.catalog.planning.planner import Plan, Scan
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import SORTS
from farmlokal.catalog.reading.statement import Statement, page_statement
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.dialect import MYSQL
from farmlokal.database.interface import Database
from tests.catalog.questions import where
from tests.catalog.test_covering import everything_asked
from tests.support.backends import connect_to, database_on, on_every_server, on_every_server_alone
from tests.support.service import open_database

PRODUCTS = 1000
# Of everything that is asked, one statement in so many: they are of all kinds.
_EVERY = 23
_TOGETHER = 6
_PAGES_MORE = 1.5
# The server counts for all, itself included, and tidies up after other tests: one of so many looks is undisturbed.
_LOOKS_MAX = 1000
_LOOK_AGAIN_S = 0.05


@pytest.fixture
async def sample(backend_url: str) -> Sample:
    """A few products on a server, and all of them in the sample."""
    async with open_database(backend_url) as database:
        await ProductWriter(database).apply(list(generate(1, PRODUCTS)))
        await database.run_script(["ANALYZE TABLE products"])
        return await draw_sample(database)


@pytest.fixture
async def alone(backend_url: str) -> AsyncIterator[Database]:
    """The catalogue by one connection."""
    async with database_on(backend_url, pool_size=1) as database:
        yield database


async def status(database: Database, like: str) -> int:
    """The sum of what the server counts under such names."""
    rows = await database.fetch(f"SHOW STATUS LIKE '{like}'")
    return sum(int(value) for name, value in rows if "rnd" not in name)


@on_every_server
async def test_prepared_pages_read_what_pages_of_text_read(sample: Sample, alone: Database) -> None:
    """A statement of every kind is sent as text, then prepared: the same rows, and as many entries by the handler."""
    shapes = {one.statement.sql: one for one in everything_asked(sample)}
    asked = list(shapes.values())[::_EVERY]
    for one in asked:
        found, reads = [], []
        for _ in range(3):
            before = await status(alone, "Handler_read%%")
            found.append(await alone.fetch_texts(one.statement.sql, one.statement.params))
            reads.append(await status(alone, "Handler_read%%") - before)
        # The server's own tables, which say of generated columns, are not in these.
        assert [found[0]] * 3 == found, one.text
        assert reads[0] == reads[2], one.text
    # What is too long is not prepared.
    long = sum(len(one.statement.sql) > 8192 for one in asked)
    assert 2 * (len(asked) - long) == await status(alone, "Com_stmt_execute")


@pytest.fixture
def page(sample: Sample) -> Statement:
    """A page that its index covers."""
    assert len(sample) == PRODUCTS
    query = ListingQuery(where(in_stock=True, organic=True), SORTS["price"])
    return page_statement(query, MYSQL, Plan((Scan("listing_by_price", query.filters, 1),)))


async def looked_at(database: Database, page: Statement) -> int:
    """How many of its pages the server looks at for a page of products."""
    counter = "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read_requests'"
    ((_, before),) = await database.fetch(counter)
    assert 21 == len(await database.fetch_texts(page.sql, page.params))
    ((_, after),) = await database.fetch(counter)
    return int(after) - int(before)


async def undisturbed(database: Database, page: Statement, most: float) -> int:
    """The first look at no more than `most` pages."""
    looks: list[int] = []
    while not looks or looks[-1] > most:
        assert len(looks) < _LOOKS_MAX, (most, looks)
        if looks:
            await asyncio.sleep(_LOOK_AGAIN_S)
        looks.append(await looked_at(database, page))
    return looks[-1]


@on_every_server_alone
async def test_prepared_pages_of_many_connections_read_no_rows_of_what_their_index_has(
    page: Statement, backend_url: str, alone: Database
) -> None:
    """Connections that run one prepared page at once look at as few of the server's pages as one alone does."""
    by_one = min([await undisturbed(alone, page, PRODUCTS / 2) for _ in range(5)])
    async with database_on(backend_url, pool_size=_TOGETHER) as together:

        async def ask() -> None:
            for _ in range(60):
                await together.fetch_texts(page.sql, page.params)

        for _ in range(5):
            await asyncio.gather(*[ask() for _ in range(_TOGETHER)])
            await undisturbed(together, page, _PAGES_MORE * by_one)
    assert by_one >= 5


@on_every_server_alone
async def test_a_transaction_that_stays_open_makes_pages_dear_until_it_ends(
    page: Statement, backend_url: str, alone: Database
) -> None:
    """Whatever table it wrote to: the same rows meanwhile, looked up one by one; as few pages as before afterwards."""
    found = await alone.fetch_texts(page.sql, page.params)
    by_one = await undisturbed(alone, page, PRODUCTS / 2)
    with connect_to(backend_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO notes VALUES (1)")
        for one in (1, -1):
            await alone.run_script([f"UPDATE products SET price = price + {one}"])
        dear = [await looked_at(alone, page) for _ in range(5)]
        assert found == await alone.fetch_texts(page.sql, page.params)
        connection.rollback()
    assert min(dear) > _PAGES_MORE * by_one
    await undisturbed(alone, page, _PAGES_MORE * by_one)
