"""A server that restarts, goes away or stops answering: a bounded wait, then an error, then service again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from farmlokal.database import mysql_opening, mysql_session
from farmlokal.database.interface import Database, Row, Session, TextRow
from farmlokal.errors import DatabaseUnavailable
from tests.servers import MariaDBServer
from tests.support.backends import database_on
from tests.support.lateness import lateness
from tests.support.own_servers import StartMariaDB

LIMIT_MS = 200
POOL_SIZE = 3
AWAY_MAX_S = 2.0
PAUSED_MAX_S = 3.0

Ask = Callable[[Database], Awaitable[object]]


async def write(database: Database) -> int:
    """Write one row in a transaction."""

    async def work(session: Session) -> int:
        return await session.execute("INSERT INTO rows_written VALUES (1)")

    return await database.in_transaction(work)


async def read(database: Database) -> list[Row]:
    """Read one row as a request does."""
    return await database.fetch("SELECT 1")


async def read_texts(database: Database) -> list[TextRow]:
    """Read one row as a page does."""
    return await database.fetch_texts("SELECT 'one'")


ASKS: tuple[Ask, ...] = (
    read,
    read_texts,
    write,
    lambda database: database.fetch_unlimited("SELECT 1"),
    lambda database: database.run_script(["DO 1"]),
    lambda database: database.ping(),
)


@pytest.fixture
def server(own_mariadb: StartMariaDB) -> MariaDBServer:
    """A server that the test may stop and pause."""
    server = own_mariadb()
    server.create_database("farm")
    server.execute("CREATE TABLE rows_written (n INT)", database="farm")
    return server


@pytest.fixture
async def database(server: MariaDBServer) -> AsyncIterator[Database]:
    """A database on that server, every connection of its pool open and idle."""
    async with database_on(server.url("farm"), pool_size=POOL_SIZE, statement_limit_ms=LIMIT_MS) as database:
        await asyncio.gather(*[database.fetch_unlimited("SELECT SLEEP(0.05)") for _ in range(POOL_SIZE)])
        yield database


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize(("ask", "expected"), [(read, [(1,)]), (read_texts, [[b"one"]])], ids=["rows", "texts"])
async def test_a_restart_is_not_felt_by_readers(
    server: MariaDBServer, database: Database, ask: Ask, expected: object, end: str, *, noticed: bool
) -> None:
    """After a restart or crash, a fetch succeeds at once, whether or not we saw the old connections end."""
    getattr(server, end)()
    server.start()
    if noticed:
        await asyncio.sleep(0.1)
    answers = await asyncio.gather(*[ask(database) for _ in range(2 * POOL_SIZE)])
    assert [expected] * 2 * POOL_SIZE == answers


async def test_killed_connections_are_replaced(server: MariaDBServer, database: Database) -> None:
    """When the server ends idle connections, as it does after `wait_timeout`, the next fetch opens another."""
    for number, *_, database_name, _, _, _, _ in server.execute("SHOW PROCESSLIST"):
        if database_name == "farm":
            server.end_connection(number)
    assert [[b"one"]] == await read_texts(database)
    assert [(1,)] == await read(database)


async def test_a_server_that_is_away(server: MariaDBServer, database: Database) -> None:
    """Every method fails soon while the server is away, the second time too, and works when it is back."""
    server.stop()
    for ask in [*ASKS, *ASKS]:
        async with lateness() as late:
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                await ask(database)
            took_s = time.monotonic() - began
        assert took_s < AWAY_MAX_S + late.allowed_s, late
    server.start()
    for ask in ASKS:
        await ask(database)


async def test_a_paused_server(server: MariaDBServer, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that holds its connections but answers nothing costs a bounded wait, on old connections and new ones."""
    async with database_on(server.url("farm"), statement_limit_ms=LIMIT_MS) as new:
        server.pause()
        # Short waits for a server that does not answer, and not for one that has just gone on.
        with monkeypatch.context() as hasty:
            hasty.setattr(mysql_opening, "_TRIES_S", (0.5, 0.5))
            hasty.setattr(mysql_session, "_TRANSACTION_ANSWER_MAX_S", 1)
            async with lateness() as late:
                began = time.monotonic()
                try:
                    asks = [ask(each) for each in (database, new) for ask in (read, read_texts, write)]
                    failed = await asyncio.gather(*asks, return_exceptions=True)
                finally:
                    server.resume()
                took_s = time.monotonic() - began
        assert [DatabaseUnavailable] * len(failed) == [type(error) for error in failed]
        assert took_s < PAUSED_MAX_S + late.allowed_s, late
        for each in (database, new):
            assert [[b"one"]] == await read_texts(each)
            assert [(1,)] == await read(each)
            assert 1 == await write(each)


async def test_a_transaction_cut_off_in_its_middle_is_not_committed(server: MariaDBServer, database: Database) -> None:
    """When the server dies between two statements of a transaction, nothing of it stays, then and after its return."""
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute("INSERT INTO rows_written VALUES (1)")
        server.kill()
        await session.execute("INSERT INTO rows_written VALUES (2)")

    with pytest.raises(DatabaseUnavailable):
        await database.in_transaction(work)
    server.start()
    assert 1 == attempts
    assert [] == await database.fetch("SELECT n FROM rows_written")
