"""Transactions that others are in the way of: run again as a whole, so long as that may help."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing

import aiomysql
import pymysql
import pytest

from farmlokal.database import mysql, mysql_opening
from farmlokal.database.interface import Database, Session
from farmlokal.database.mysql_connection import Connection
from farmlokal.errors import CommitUnknown, DatabaseUnavailable
from tests.database.plots import ADD_ONE, add_one_to, plots, plots_on
from tests.support.backends import connect_to, on_every_server

pytestmark = on_every_server


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with two plots of no plants."""
    async with plots_on(backend_url) as database:
        yield database


@pytest.fixture
def short_lock_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections wait a second for a lock, the least that a server knows."""
    shortened = mysql_opening._SESSION.replace(f"= {mysql_opening._LOCK_WAIT_MAX_S}", "= 1")
    assert shortened != mysql_opening._SESSION
    monkeypatch.setattr(mysql_opening, "_SESSION", shortened)


async def test_a_deadlock_is_run_again(database: Database) -> None:
    """Two transactions that lock two rows in opposite order: the server ends one, which then lands as well."""
    attempts = 0
    both_hold_one = asyncio.Barrier(2)

    def crossing(first: int, second: int) -> Callable[[Session], Awaitable[None]]:
        async def work(session: Session) -> None:
            nonlocal attempts
            attempts += 1
            await session.execute(ADD_ONE, (first,))
            if attempts <= both_hold_one.parties:
                await both_hold_one.wait()
            await session.execute(ADD_ONE, (second,))

        return work

    await asyncio.gather(database.in_transaction(crossing(1, 2)), database.in_transaction(crossing(2, 1)))
    assert 3 == attempts
    assert [(1, 2), (2, 2)] == await plots(database)


@pytest.mark.usefixtures("short_lock_wait")
async def test_a_lock_wait_timeout_is_run_again(database: Database, backend_url: str) -> None:
    """A transaction that waited for a lock in vain is rolled back whole and lands once the lock is free."""
    attempts = 0
    with closing(connect_to(backend_url)) as holder, holder.cursor() as cursor:
        cursor.execute(ADD_ONE, (2,))

        async def work(session: Session) -> None:
            nonlocal attempts
            attempts += 1
            if attempts == 2:
                holder.commit()
            await session.execute(ADD_ONE, (1,))
            await session.execute(ADD_ONE, (2,))

        await database.in_transaction(work)
    assert 2 == attempts
    assert [(1, 1), (2, 2)] == await plots(database)


@pytest.mark.usefixtures("short_lock_wait")
async def test_a_lock_that_stays_makes_the_database_unavailable(
    database: Database, backend_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last attempt the caller is told to come back later, not given the server's own error."""
    monkeypatch.setattr(mysql, "_TRANSACTION_ATTEMPTS_MAX", 1)
    with closing(connect_to(backend_url)) as holder, holder.cursor() as cursor:
        cursor.execute(ADD_ONE, (1,))
        with pytest.raises(DatabaseUnavailable, match="in the way"):
            await database.in_transaction(add_one_to(1))
        holder.rollback()
    assert [(1, 0), (2, 0)] == await plots(database)


LOST_TO_ANOTHER_MEMBER = (
    (3101, "Plugin instructed the server to rollback the current transaction."),
    (1180, "Got error 149 - 'Lock deadlock; Retry transaction' during COMMIT"),
)


def failing_once(number: int, text: str, attempts: list[int]) -> Callable[[Session], Awaitable[None]]:
    """Adds a plant; at the first attempt the server then answers with this error. attempts: gets the number of each."""

    async def work(session: Session) -> None:
        attempts.append(len(attempts) + 1)
        await session.execute(ADD_ONE, (1,))
        if len(attempts) == 1:
            sql = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = %s, MESSAGE_TEXT = %s"
            await session.execute(sql, (number, text))

    return work


@pytest.mark.parametrize(("number", "text"), LOST_TO_ANOTHER_MEMBER)
async def test_what_a_group_decides_for_another_member_is_run_again(database: Database, number: int, text: str) -> None:
    """A transaction that lost against one of another member is rolled back, and lands at its second attempt."""
    attempts: list[int] = []
    await database.in_transaction(failing_once(number, text, attempts))
    assert [1, 2] == attempts
    assert [(1, 1), (2, 0)] == await plots(database)


async def test_a_commit_that_failed_otherwise_is_not_run_again(database: Database) -> None:
    """Of a COMMIT's other failures nobody knows whether it took effect: the error comes out at the first attempt."""
    attempts: list[int] = []
    with pytest.raises(pymysql.OperationalError, match="error 28"):
        await database.in_transaction(failing_once(1180, "Got error 28 - 'No space left' during COMMIT", attempts))
    assert [1] == attempts


async def test_a_commit_that_its_server_gave_up_is_unknown(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Galera node that loses the majority during a COMMIT says so: callers hear that it is not known."""

    async def given_up(connection: Connection) -> None:
        connection.committing = True
        raise aiomysql.OperationalError(1180, "Error while appending (provider status: Not connected to Primary)")

    monkeypatch.setattr(Connection, "commit", given_up)
    with pytest.raises(CommitUnknown) as unknown:
        await database.in_transaction(add_one_to(1))
    async with asyncio.timeout(30):
        await unknown.value.settled.wait()
    monkeypatch.undo()
    assert [(1, 0), (2, 0)] == await plots(database)


async def test_a_key_that_is_taken_for_good_is_the_callers_fault(database: Database) -> None:
    """A duplicate key is tried again, because it may be a race; when it is none, the error comes out."""
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute("INSERT INTO plots VALUES (1, 0)")

    with pytest.raises(pymysql.IntegrityError):
        await database.in_transaction(work)
    assert mysql._TRANSACTION_ATTEMPTS_MAX == attempts
