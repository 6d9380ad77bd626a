"""From version 5 to 6: what follows from stock and from rating stays right, before and after the contract step."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.database.interface import Database, Session
from farmlokal.database.migrations.version_6 import VERSION_6
from farmlokal.database.migrations.version_8 import VERSION_8
from farmlokal.database.schema import (
    StoredVersion,
    check_schema,
    contract_schema,
    create_schema,
    schema_faults,
    statements,
    stored_version,
)
from farmlokal.database.shape import found_shape
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import database_on, on_every_backend, on_every_server

_FILES = {"mysql": "version_5.sql", "sqlite": "version_5_sqlite.sql"}
_INSERT = (
    "INSERT INTO products (source, external_id, version, digest, name, name_key, category, price, unit, stock, rating,"
    " created_at, updated_at) VALUES ('feed', %s, 1, 'd', 'Okra', 'okra', 'vegetables', 100, 'kg', %s, %s,"
    " '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)
ROWS = [("old-1", 3, None), ("old-2", 0, 4.55), ("old-3", 1, 0)]
FOLLOWING = {"old-1": (1, 0), "old-2": (0, 456), "old-3": (1, 1)}


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database of version 5 with three products."""
    async with database_on(backend_url) as database:
        file = Path(__file__).parent / "schemas" / _FILES[database.dialect.name]
        await database.run_script(statements(file.read_text("utf-8")))
        await database.in_transaction(lambda session: session.execute_many(_INSERT, ROWS))
        yield database


async def following(database: Database) -> dict[str, tuple[int, int]]:
    """What follows from the stock and from the rating of each product."""
    rows = await database.fetch("SELECT external_id, in_stock, rating_key FROM products")
    return {external_id: (in_stock, rating_key) for external_id, in_stock, rating_key in rows}


async def write_in_every_way(database: Database, name: str) -> dict[str, tuple[int, int]]:
    """Bring, replace, order, give back and delete products. Returns what should follow then."""
    write = Writing(database)
    born = [record(f"{name}-{number}", stock=number % 2, rating=number) for number in range(4)]
    assert [WriteOutcome.CREATED] * 4 == await write(*born)
    replaced = record(f"{name}-0", 2, stock=5, rating=None), record(f"{name}-1", 2, stock=0, rating=1.25)
    assert [WriteOutcome.UPDATED] * 2 == await write(*replaced)
    gone = deletion(f"{name}-3", 2), deletion(f"{name}-gone", 1)
    assert [WriteOutcome.DELETED, WriteOutcome.UNCHANGED] == await write(*gone)

    async def order(session: Session) -> None:
        stocks = await StockWriter(database).lock_in(session, [("feed", f"{name}-0"), ("feed", f"{name}-2")])
        assert [None, None] == [stocks.change("feed", f"{name}-0", -5)[1], stocks.change("feed", f"{name}-2", 7)[1]]
        stocks.write()

    await database.in_transaction(order)
    return {
        f"{name}-0": (0, 0),
        f"{name}-1": (0, 126),
        f"{name}-2": (1, 201),
        f"{name}-3": (1, 301),
        f"{name}-gone": (0, 0),
    }


@on_every_backend
async def test_until_the_contract_step_both_releases_write(database: Database) -> None:
    """A database of version 5 is used as it is, and contracted: what follows is right before and after."""
    assert StoredVersion(5, 5) == await create_schema(database, batches=BATCHES)
    expected = FOLLOWING | await write_in_every_way(database, "before")
    await database.in_transaction(lambda session: session.execute(_INSERT, ("between", 0, 2)))
    expected["between"] = (0, 201)
    assert expected == await following(database)
    assert StoredVersion(8, 6) == await contract_schema(database, batches=BATCHES)
    assert expected == await following(database)
    expected |= await write_in_every_way(database, "after")
    assert expected == await following(database)


@on_every_server
async def test_whoever_forgets_what_follows_is_refused(database: Database) -> None:
    """After the contract step a statement of the release before changes nothing; one that sets what follows does."""
    await contract_schema(database, batches=BATCHES)
    for forgetting in ("stock = 0", "stock = 1, in_stock = 0", "rating = 5", "in_stock = DEFAULT, stock = 0"):
        with pytest.raises(Exception, match=r"products_follow.*(failed|violated)"):
            await database.run_script([f"UPDATE products SET {forgetting} WHERE external_id = 'old-1'"])
    assert FOLLOWING == await following(database)
    await database.run_script(["UPDATE products SET stock = 0, in_stock = DEFAULT WHERE external_id = 'old-1'"])
    assert FOLLOWING | {"old-1": (0, 0)} == await following(database)


@on_every_server
async def test_a_column_of_another_type_is_no_fault_until_the_contract_step(database: Database) -> None:
    """The generated columns of version 5 are as they should be there; in one that says 6 they are damage."""
    await create_schema(database, batches=BATCHES)
    await check_schema(database)
    await database.run_script(["UPDATE schema_version SET version = 6, usable_from = 6"])
    assert StoredVersion(6, 6) == await stored_version(database)
    assert [
        "column products.in_stock is tinyint generated, not tinyint not null",
        "column products.rating_key is smallint generated, not smallint not null",
    ] == await schema_faults(database, [VERSION_8])


@on_every_server
async def test_a_copy_that_was_made_is_not_made_again(database: Database) -> None:
    """Killed between the change and the note of it, the contract step sees the change and goes on."""
    (change,) = VERSION_6.contract
    assert not change.in_place(await found_shape("mysql", database.fetch))
    await database.run_script([change.mysql])
    assert change.in_place(await found_shape("mysql", database.fetch))
    assert StoredVersion(8, 6) == await contract_schema(database, batches=BATCHES)
    assert FOLLOWING == await following(database)
