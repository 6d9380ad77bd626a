"""Transactions: all or nothing, READ COMMITTED, one writer at a time on SQLite."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator

import pymysql
import pytest

from farmlokal.database.interface import Database, Session
from tests.database.plots import ADD_ONE, add_one_to, plots, plots_on
from tests.support.backends import database_on, on_every_backend, on_every_server, on_sqlite

LOCK_WAIT_MAX_S = 5


class WorkFailedError(Exception):
    """What a transaction's own code raises."""


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with two plots of no plants."""
    async with plots_on(backend_url) as database:
        yield database


@on_every_backend
async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    """An exception takes back every statement before it, reaches the caller as it is, and nothing is run again."""
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(ADD_ONE, (1,))
        await session.execute_many("INSERT INTO plots VALUES (%s, %s)", [(3, 0), (4, 0)])
        assert [(1, 1), (2, 0), (3, 0), (4, 0)] == await session.fetch("SELECT id, plants FROM plots ORDER BY id")
        raise WorkFailedError

    with pytest.raises(WorkFailedError):
        await database.in_transaction(work)
    assert 1 == attempts
    assert [(1, 0), (2, 0)] == await plots(database)


@on_every_backend
async def test_a_transaction_gives_its_result_and_counts_its_changes(database: Database) -> None:
    """The result is the work's own; `execute` says how many rows changed."""

    async def work(session: Session) -> list[int]:
        all_rows = await session.execute("UPDATE plots SET plants = 7")
        return [all_rows, await session.execute("DELETE FROM plots WHERE id = %s", (9,))]

    assert [2, 0] == await database.in_transaction(work)
    assert [(1, 7), (2, 7)] == await plots(database)


@on_every_backend
async def test_what_is_deferred_runs_before_what_is_asked_next(database: Database) -> None:
    """In its order, statements of many rows too; at the latest before the COMMIT; what is awkward in a text stays."""

    async def work(session: Session) -> list[tuple[object, ...]]:
        session.defer("INSERT INTO plots VALUES (%s, %s)", [(3, 0), (4, 0)])
        session.defer("UPDATE plots SET plants = plants + %s WHERE id = %s", [(5, 3), (6, 4), (1, 3)])
        session.defer("DELETE FROM plots WHERE id = %s", [])
        seen = await session.fetch("SELECT id, plants FROM plots ORDER BY id")
        session.defer("DELETE FROM plots WHERE id = %s AND %s <> 'a;b'", [(4, "';--")])
        return seen

    assert [(1, 0), (2, 0), (3, 6), (4, 6)] == await database.in_transaction(work)
    assert [(1, 0), (2, 0), (3, 6)] == await plots(database)


@on_every_backend
async def test_what_is_deferred_fails_before_the_commit(database: Database) -> None:
    """Its error is the transaction's, and takes back what came before and behind it."""

    async def work(session: Session) -> None:
        session.defer(ADD_ONE, [(1,)])
        session.defer("UPDATE nowhere SET plants = %s", [(1,)])
        session.defer(ADD_ONE, [(2,)])

    with pytest.raises((pymysql.err.ProgrammingError, sqlite3.OperationalError), match="nowhere"):
        await database.in_transaction(work)
    assert [(1, 0), (2, 0)] == await plots(database)


@on_every_server
async def test_more_is_deferred_than_one_packet_takes(database: Database) -> None:
    """Statements of several megabytes go as several packets."""
    note = "x" * 300_000

    async def work(session: Session) -> None:
        session.defer("UPDATE plots SET plants = plants + 1 WHERE id = 1 AND %s <> ''", [(note,)] * 12)

    await database.in_transaction(work)
    assert [(1, 12), (2, 0)] == await plots(database)


@on_every_backend
@pytest.mark.parametrize("rows", [0, 1, 250])
async def test_one_statement_for_many_rows(database: Database, rows: int) -> None:
    """`execute_many` runs any statement once for each row, in their order, whatever text is in them."""
    awkward = "it's; -- %s \\ ? \n"

    async def work(session: Session) -> None:
        await session.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note VARCHAR(40))")
        await session.execute_many("INSERT INTO notes VALUES (%s, %s)", [(row, "") for row in range(rows)])
        await session.execute_many("UPDATE notes SET note = %s WHERE id = %s", ((awkward, row) for row in range(rows)))
        await session.execute_many("UPDATE notes SET id = id + 1 WHERE id = %s", [(row,) for row in range(rows)[::-1]])

    await database.in_transaction(work)
    assert [(row + 1, awkward) for row in range(rows)] == await database.fetch("SELECT id, note FROM notes ORDER BY id")


@on_every_server
async def test_many_rows_are_inserted_by_one_statement(database: Database) -> None:
    """An INSERT is folded, whatever its values are made of and whatever comes after them."""
    rows = [(row, 0) for row in range(3, 253)]

    async def sent(session: Session, sql: str) -> int:
        """How many INSERTs the server counts for `rows` by `sql`."""
        [(_, before)] = await session.fetch("SHOW SESSION STATUS LIKE 'Com_insert'")
        await session.execute_many(sql, rows)
        [(_, after)] = await session.fetch("SHOW SESSION STATUS LIKE 'Com_insert'")
        await session.execute("DELETE FROM plots WHERE id > %s", (2,))
        return int(after) - int(before)

    async def work(session: Session) -> list[int]:
        values = ("(%s, %s)", "(%s, ABS(%s))", "(%s, %s) ON DUPLICATE KEY UPDATE plants = VALUES(plants)")
        return [await sent(session, f"INSERT INTO plots VALUES {one}") for one in values]

    assert [1, 1, 1] == await database.in_transaction(work)


@on_every_backend
async def test_a_failure_among_many_rows_leaves_nothing(database: Database) -> None:
    """When one row of `execute_many` fails, the rows before it are taken back with the transaction."""

    async def work(session: Session) -> None:
        await session.execute_many("UPDATE plots SET plants = %s WHERE id = 1", [(7,), (None,), (8,)])

    with pytest.raises((pymysql.IntegrityError, sqlite3.IntegrityError)):
        await database.in_transaction(work)
    assert [(1, 0), (2, 0)] == await plots(database)


@on_every_backend
async def test_a_cancelled_transaction_leaves_nothing(database: Database) -> None:
    """Cancelled in the middle, a transaction is rolled back and holds no lock."""
    reached = asyncio.Event()

    async def work(session: Session) -> None:
        await session.execute(ADD_ONE, (1,))
        reached.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(database.in_transaction(work))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.in_transaction(add_one_to(1))
    assert [(1, 1), (2, 0)] == await plots(database)


@on_every_backend
async def test_no_concurrent_update_is_lost(database: Database, backend_url: str) -> None:
    """Two processes' worth of writers that read, think and write: every one of them lands."""
    lock = database.dialect.for_update

    async def work(session: Session) -> None:
        ((plants,),) = await session.fetch(f"SELECT plants FROM plots WHERE id = 1{lock}")
        await asyncio.sleep(0)
        await session.execute("UPDATE plots SET plants = %s WHERE id = 1", (plants + 1,))

    async with database_on(backend_url) as other:
        await asyncio.gather(*[each.in_transaction(work) for each in (database, other) * 25])
        assert [(1, 50), (2, 0)] == await plots(other)


@on_every_server
async def test_transactions_are_read_committed(database: Database) -> None:
    """A transaction sees what others committed since it began; its locks are waited for a few seconds at most."""

    async def work(session: Session) -> list[int]:
        ((server,),) = await session.fetch("SELECT VERSION()")
        variable = "tx_isolation" if "MariaDB" in server else "transaction_isolation"
        settings = await session.fetch(f"SELECT @@{variable}, @@innodb_lock_wait_timeout")
        assert [("READ-COMMITTED", LOCK_WAIT_MAX_S)] == settings
        ((before,),) = await session.fetch("SELECT plants FROM plots WHERE id = 1")
        await database.in_transaction(add_one_to(1))
        ((after,),) = await session.fetch("SELECT plants FROM plots WHERE id = 1")
        return [before, after]

    assert [0, 1] == await database.in_transaction(work)


@on_sqlite
async def test_a_writer_that_is_cancelled_while_it_waits(database: Database, backend_url: str) -> None:
    """Cancelled while another process holds the file's write lock, a transaction is not left open."""
    written, release = asyncio.Event(), asyncio.Event()

    async def hold(session: Session) -> None:
        await session.execute(ADD_ONE, (2,))
        written.set()
        await release.wait()

    async with database_on(backend_url) as other:
        holding = asyncio.create_task(other.in_transaction(hold))
        await written.wait()
        waiting = asyncio.create_task(database.in_transaction(add_one_to(1)))
        await asyncio.sleep(0.1)
        waiting.cancel()
        release.set()
        await holding
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await other.in_transaction(add_one_to(1))
    await database.in_transaction(add_one_to(1))
    assert [(1, 2), (2, 1)] == await plots(database)


@on_sqlite
async def test_many_openers_of_a_new_file(backend_url: str) -> None:
    """A file that does not exist yet can be opened from many sides at the same moment."""

    async def create(number: int) -> None:
        async with database_on(backend_url) as database:
            await database.run_script(["CREATE TABLE IF NOT EXISTS plots (id INTEGER PRIMARY KEY)"])
            await database.in_transaction(lambda session: session.execute("INSERT INTO plots VALUES (%s)", (number,)))

    await asyncio.gather(*map(create, range(12)))
    async with database_on(backend_url) as database:
        assert [(12,)] == await database.fetch("SELECT COUNT(*) FROM plots")
