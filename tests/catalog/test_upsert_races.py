"""Writers at the same moment: what goes wrong without a guard, and that it does not with ours."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pymysql
import pytest

from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.database.interface import Database
from tests.catalog.upserting import Writing, record
from tests.support.backends import database_on, new_database_url, on_every_backend, on_every_server
from tests.support.service import open_database

WRITERS = 20
SHARED_PRODUCTS = 500


@pytest.fixture
def backend_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new, empty database."""
    return new_database_url(request)


@pytest.fixture
async def write(backend_url: str) -> AsyncIterator[Writing]:
    """Writes to an empty catalogue."""
    async with open_database(backend_url, pool_size=10) as database:
        yield Writing(database)


@pytest.fixture
async def other(backend_url: str, write: Writing) -> AsyncIterator[Writing]:
    """Writes of another process to the same catalogue."""
    async with open_database(backend_url, pool_size=10) as database:
        yield Writing(database)


@on_every_server
@pytest.mark.parametrize(("key", "rows", "errors"), [("", WRITERS, 0), ("PRIMARY KEY", 1, WRITERS - 1)])
async def test_unguarded_inserts_collide(backend_url: str, key: str, rows: int, errors: int) -> None:
    """The race: all look, all find nothing, all insert. Without a key all land; with one, all but one fail."""
    async with database_on(backend_url) as database:
        await database.run_script([f"CREATE TABLE shelf (external_id VARCHAR(20) {key}, version INT)"])
        looked = asyncio.Barrier(WRITERS)
        results = await asyncio.gather(
            *[look_then_write(database, version, looked) for version in range(1, WRITERS + 1)], return_exceptions=True
        )
        assert errors == sum(isinstance(result, pymysql.IntegrityError) for result in results)
        assert [(rows,)] == await database.fetch("SELECT COUNT(*) FROM shelf")


@on_every_server
async def test_an_unguarded_update_loses_the_newer_version(backend_url: str) -> None:
    """The race: two look, both find version 1, the newer one writes, and then the older one over it."""
    async with database_on(backend_url) as database:
        await database.run_script(
            [
                "CREATE TABLE shelf (external_id VARCHAR(20) PRIMARY KEY, version INT)",
                "INSERT INTO shelf VALUES ('okra', 1)",
            ]
        )
        looked, newer_wrote = asyncio.Barrier(2), asyncio.Event()
        older = asyncio.create_task(look_then_write(database, 2, looked, newer_wrote))
        await look_then_write(database, 3, looked)
        newer_wrote.set()
        await older
        assert [(2,)] == await database.fetch("SELECT version FROM shelf")


@on_every_backend
@pytest.mark.parametrize("seed", range(3))
async def test_the_newest_of_many_versions_stands(write: Writing, other: Writing, seed: int) -> None:
    """Twenty writers bring twenty versions of one new product: one row, one creation, and the newest version."""
    versions = random.Random(seed).sample(range(1, WRITERS + 1), WRITERS)
    writers = [writing(record(version=version)) for version, writing in zip(versions, [write, other] * 10, strict=True)]
    outcomes = Counter(outcome for (outcome,) in await asyncio.gather(*writers))
    assert 1 == outcomes[WriteOutcome.CREATED]
    assert WRITERS == sum(
        outcomes[each] for each in (WriteOutcome.CREATED, WriteOutcome.UPDATED, WriteOutcome.OUTDATED)
    )
    assert [(1, WRITERS)] == await write.database.fetch("SELECT COUNT(*), MIN(version) FROM products")


@on_every_backend
async def test_two_writers_of_the_same_new_products_and_farms(write: Writing, other: Writing) -> None:
    """Two processes import the same file from its two ends: no error, and one row of each product and farm."""
    products = [record(f"p{number}", farm=f"Farm {number % 100}") for number in range(SHARED_PRODUCTS)]
    outcomes = await asyncio.gather(
        *[write(*products[start : start + 50]) for start in range(0, SHARED_PRODUCTS, 50)],
        *[other(*reversed(products[start : start + 50])) for start in range(SHARED_PRODUCTS - 50, -1, -50)],
    )
    expected = {WriteOutcome.CREATED: SHARED_PRODUCTS, WriteOutcome.UNCHANGED: SHARED_PRODUCTS}
    assert expected == Counter(outcome for batch in outcomes for outcome in batch)
    assert SHARED_PRODUCTS == len(await write.live())
    assert [(100,)] == await write.database.fetch("SELECT COUNT(*) FROM farms")
    assert [(100, SHARED_PRODUCTS)] == await write.database.fetch(
        "SELECT COUNT(DISTINCT farm_id), COUNT(farm_id) FROM products"
    )


@on_every_backend
async def test_overlapping_batches_in_any_order(write: Writing, other: Writing) -> None:
    """Batches that overlap at random, in random order: each product ends at the newest of its versions."""
    draw = random.Random(7)
    newest: dict[str, int] = {}
    batches = []
    for _ in range(12):
        batch = [record(f"p{number}", draw.randrange(1, 99)) for number in draw.sample(range(150), 80)]
        batches.append(batch)
        for each in batch:
            newest[each.external_id] = max(newest.get(each.external_id, 0), each.version)
    writers = [writing(*batch) for writing, batch in zip([write, other] * 6, batches, strict=True)]
    await asyncio.gather(*writers)
    rows = await write.database.fetch("SELECT external_id, version FROM products")
    assert len(newest) == len(rows)
    assert newest == dict(rows)


async def look_then_write(
    database: Database, version: int, looked: asyncio.Barrier, go: asyncio.Event | None = None
) -> None:
    """Upsert as it is often done: look, then insert or update; between the two, everybody else looks."""
    rows = await database.fetch("SELECT version FROM shelf WHERE external_id = 'okra'")
    await looked.wait()
    if go is not None:
        await go.wait()
    if not rows:
        await database.run_script([f"INSERT INTO shelf VALUES ('okra', {version})"])
    elif rows[0][0] < version:
        await database.run_script([f"UPDATE shelf SET version = {version} WHERE external_id = 'okra'"])
