"""`insert_many`: the ids that the database gave to new rows, each with its row."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from farmlokal.database.interface import Database, Session
from tests.support.backends import database_on, on_every_backend, on_every_server

INSERT = "INSERT INTO sheds (note) VALUES (%s)"
AWKWARD = "it's; -- %s \\ ? \n RETURNING ü"
_NUMBERED = {
    "mysql": "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
    "sqlite": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
}


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with a table of numbered rows, one of which is gone again."""
    async with database_on(backend_url) as database:
        numbered = _NUMBERED[database.dialect.name]
        await database.run_script(
            [
                f"CREATE TABLE sheds (id {numbered}, note VARCHAR(5000) NOT NULL)",
                "INSERT INTO sheds (note) VALUES ('gone')",
                "DELETE FROM sheds",
            ]
        )
        yield database


async def inserted(database: Database, notes: list[str]) -> dict[int, str]:
    """Insert `notes` in one transaction. Returns each with the id that it is said to have."""

    async def work(session: Session) -> list[int]:
        return await session.insert_many(INSERT, [(note,) for note in notes])

    return dict(zip(await database.in_transaction(work), notes, strict=True))


async def stored(database: Database) -> dict[int, str]:
    """Every row's note by its id."""
    return dict(await database.fetch_unlimited("SELECT id, note FROM sheds"))


@on_every_backend
@pytest.mark.parametrize("count", [0, 1, 2, 600])
async def test_each_row_has_its_id(database: Database, count: int) -> None:
    """The ids come in the order of the rows, one row or many or none, whatever text is in them."""
    notes = [f"{number} {AWKWARD}" for number in range(count)]
    rows = await inserted(database, notes)
    assert count == len(rows)
    assert rows == await stored(database)


@on_every_backend
async def test_rows_that_were_made_ready_are_the_same(database: Database) -> None:
    """Some are written ahead and some have to wait for a connection: each is stored as it is, with its id."""
    notes = ["plain", AWKWARD, "100 %", "ü", "(%s)"]

    async def work(session: Session) -> list[int]:
        return await session.insert_many(INSERT, database.ready_rows(INSERT, [(note,) for note in notes]))

    assert dict(zip(await database.in_transaction(work), notes, strict=True)) == await stored(database)


@on_every_backend
async def test_more_rows_than_one_statement_takes(database: Database) -> None:
    """Rows of 3 MB together are inserted by several statements, and each has its id."""
    rows = await inserted(database, [f"{number} {'ß' * 4000}" for number in range(400)])
    assert rows == await stored(database)


@on_every_server
async def test_others_insert_meanwhile(database: Database) -> None:
    """Transactions that insert at the same moment mix their ids, and each gets its own."""
    batches = [[f"{batch} {number}" for number in range(50)] for batch in range(30)]
    rows: dict[int, str] = {}
    for batch_rows in await asyncio.gather(*(inserted(database, notes) for notes in batches)):
        rows |= batch_rows
    assert 30 * 50 == len(rows)
    assert rows == await stored(database)


@on_every_server
async def test_ids_that_go_up_in_steps(database: Database) -> None:
    """Where several servers of a group take writes, each counts in steps of its own."""

    async def work(session: Session) -> list[int]:
        await session.execute("SET SESSION auto_increment_increment = 7, SESSION auto_increment_offset = 3")
        first = await session.insert_many(INSERT, [("a",), ("b",), ("c",)])
        return first + await session.insert_many(INSERT, [("d",), ("e",)])

    ids = await database.in_transaction(work)
    assert dict(zip(ids, "abcde", strict=True)) == await stored(database)
    assert {7} == {after - before for before, after in pairwise(ids)}
