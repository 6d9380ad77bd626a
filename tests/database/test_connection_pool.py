"""The connections of a database: never too many, given back however a statement ends, none left at the close."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest

from farmlokal.database import mysql_pool, mysql_silence
from farmlokal.database.interface import Database, Row, Session
from farmlokal.errors import DatabaseUnavailable
from tests.support.backends import (
    connect_to,
    connections_to,
    database_on,
    on_every_backend,
    on_every_server,
    on_sqlite,
    slow_sql,
)
from tests.support.lateness import lateness
from tests.support.own_servers import StartMariaDB

POOL_SIZE = 3
GONE_WITHIN_S = 20.0
AT_ONCE_S = 1.0
# When a fetch is cancelled: before it ran, while it connects, while its statement runs.
CANCELLED_AFTER_S = (0, 0.001, 0.002, 0.005, 0.01, 0.05)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with three connections at most."""
    async with database_on(backend_url, pool_size=POOL_SIZE) as database:
        yield database


@on_every_backend
async def test_more_callers_than_connections_all_get_an_answer(database: Database) -> None:
    """Callers wait for a connection when there are more of them."""
    answers = await asyncio.gather(*[database.fetch("SELECT %s", (number,)) for number in range(20 * POOL_SIZE)])
    assert [[(number,)] for number in range(20 * POOL_SIZE)] == answers


@on_every_server
async def test_connections_never_exceed_the_pool(
    database: Database, backend_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many callers there are, the server sees all the pool's connections at work and no more."""
    # On a busy machine one of these may be silent for so long that the server is asked, by one more connection.
    monkeypatch.setattr(mysql_silence, "SILENT_AFTER_S", 60)
    working = [asyncio.create_task(short_work(database, number)) for number in range(10 * POOL_SIZE)]
    seen = set()
    while not all(task.done() for task in working):
        seen.add(await asyncio.to_thread(connections_to, backend_url))
    await asyncio.gather(*working)
    assert POOL_SIZE == max(seen)
    assert f"in_use=0 idle={POOL_SIZE} size={POOL_SIZE}" in repr(database)


@on_every_backend
@pytest.mark.parametrize("after_s", CANCELLED_AFTER_S)
async def test_a_cancelled_fetch_gives_its_connection_back(database: Database, after_s: float) -> None:
    """More fetches are cancelled than there are connections; then as many as there are find one, and are answered."""
    statement = slow_sql(database)
    for _ in range(POOL_SIZE + 3):
        await cancel(asyncio.create_task(database.fetch(statement)), after_s)
    answers = await asyncio.gather(*[database.fetch("SELECT 1") for _ in range(POOL_SIZE)])
    assert [[(1,)]] * POOL_SIZE == answers


@on_every_server
async def test_the_answer_of_a_cancelled_fetch_is_nobodys(backend_url: str) -> None:
    """Where there is one connection at most, each later fetch has its own answer all the same."""
    statement = "SELECT 7 FROM (SELECT GET_LOCK(DATABASE(), 600)) AS waiting"
    async with database_on(backend_url, pool_size=1) as database:
        with connect_to(backend_url) as other, other.cursor() as holding:
            holding.execute("SELECT GET_LOCK(DATABASE(), 0)")
            asking = asyncio.create_task(database.fetch_unlimited(statement))
            await until(lambda: connections_to(backend_url, at=statement) == 1)
            await cancel(asking, 0)
            holding.execute("SELECT RELEASE_LOCK(DATABASE())")
        answers = [await database.fetch("SELECT %s", (number,)) for number in range(5)]
    assert [[(number,)] for number in range(5)] == answers


@on_every_server
async def test_a_caller_who_finds_no_connection_is_refused_in_time(
    backend_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for a connection is bounded, and is not begun again."""
    wait_max_s = 0.2
    monkeypatch.setattr(mysql_pool, "_WAIT_MAX_S", wait_max_s)
    async with database_on(backend_url, pool_size=1) as database:
        held, given_back = asyncio.Event(), asyncio.Event()

        async def hold(session: Session) -> int:
            held.set()
            await given_back.wait()
            return await session.execute("DO 0")

        holding = asyncio.create_task(database.in_transaction(hold))
        await held.wait()
        async with lateness() as late:
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable, match="no database connection was free"):
                await database.fetch("SELECT 1")
            took_s = time.monotonic() - began
        assert wait_max_s <= took_s < 2 * wait_max_s + late.allowed_s, late
        given_back.set()
        await holding
        assert [(1,)] == await database.fetch("SELECT 1")


@on_every_server
async def test_connections_are_opened_side_by_side(backend_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection that is slow to open does not hold up the others, nor those that come back."""
    connect = mysql_pool.MySQLPool._connect
    opened, gate = 0, asyncio.Event()

    async def first_one_slowly(pool: mysql_pool.MySQLPool) -> object:
        nonlocal opened
        opened += 1
        if opened == 1:
            await gate.wait()
        return await connect(pool)

    monkeypatch.setattr(mysql_pool.MySQLPool, "_connect", first_one_slowly)
    async with database_on(backend_url, pool_size=2) as database:
        slow = asyncio.create_task(database.fetch("SELECT 1"))
        await asyncio.sleep(0)
        for _ in range(5):
            assert [(1,)] == await database.fetch("SELECT 1")
        gate.set()
        assert [(1,)] == await slow


@on_every_server
async def test_nothing_is_left_at_the_close(backend_url: str) -> None:
    """Idle connections are gone after the close, and so are those that broke in use."""
    async with database_on(backend_url, pool_size=POOL_SIZE) as database:
        await asyncio.gather(*[short_work(database, number) for number in range(POOL_SIZE)])
        await cancel(asyncio.create_task(database.fetch(slow_sql(database))), 0.05)
    await until(lambda: connections_to(backend_url) == 0)


async def test_the_close_does_not_wait_for_a_server_that_is_away_or_paused(own_mariadb: StartMariaDB) -> None:
    """The goodbye to a server is bounded, whatever has become of the server."""
    server = own_mariadb(tls=True)
    for ail in (server.pause, server.stop):
        async with lateness() as late:
            async with database_on(server.url("mysql")) as database:
                await asyncio.gather(*[short_work(database, number) for number in range(POOL_SIZE)])
                ail()
                began = time.monotonic()
            took_s = time.monotonic() - began
        assert took_s < 2 * AT_ONCE_S + late.allowed_s, late
        if server.running:
            server.resume()


@on_every_server
async def test_a_statement_under_way_ends_with_the_close(backend_url: str) -> None:
    """The close does not wait for statements: they fail as if the server had gone, and nothing stays open."""
    async with database_on(backend_url) as database:
        under_way = [asyncio.create_task(database.fetch_unlimited("SELECT SLEEP(5)")) for _ in range(2)]
        await until(lambda: connections_to(backend_url, at="SELECT SLEEP(5)") == 2)
        async with lateness() as late:
            began = time.monotonic()
            await database.close()
            ended = await asyncio.gather(*under_way, return_exceptions=True)
            took_s = time.monotonic() - began
        assert took_s < AT_ONCE_S + late.allowed_s, late
        assert [DatabaseUnavailable] * 2 == [type(error) for error in ended]
        with pytest.raises(DatabaseUnavailable):
            await database.fetch("SELECT 1")
    await until(lambda: connections_to(backend_url) == 0)


@on_sqlite
async def test_no_thread_is_left_at_the_close(backend_url: str) -> None:
    """SQLite's connections are threads: after the close none runs, whatever was under way."""
    async with database_on(backend_url) as database:
        await asyncio.gather(*[database.fetch("SELECT 1") for _ in range(10)])
        await database.in_transaction(create_table)
        for after_s in CANCELLED_AFTER_S:
            await cancel(asyncio.create_task(database.fetch(slow_sql(database))), after_s)
        under_way = asyncio.create_task(short_work(database, 7))
        await asyncio.sleep(0)
    assert [(7,)] == await under_way
    await until(lambda: not any("connection_worker" in thread.name for thread in threading.enumerate()))


@on_sqlite
async def test_a_file_that_cannot_be_opened(backend_url: str) -> None:
    """A file in a folder that does not exist is a database that is away."""
    url = backend_url.replace("catalogue.db", "absent/catalogue.db")
    async with database_on(url) as database:
        for asked in (database.fetch("SELECT 1"), database.in_transaction(create_table)):
            with pytest.raises(DatabaseUnavailable):
                await asked


async def create_table(session: Session) -> int:
    """Create a table."""
    return await session.execute("CREATE TABLE crops (name TEXT)")


async def short_work(database: Database, number: int) -> list[Row]:
    """Keep a connection busy for a moment; gives `number` back."""
    pause = "SLEEP(0.05)" if database.dialect.name == "mysql" else "0"
    return await database.fetch_unlimited(f"SELECT %s + {pause}", (number,))


async def cancel(task: "asyncio.Task[list[Row]]", after_s: float) -> None:
    """Cancel `task` after a while and wait until it is."""
    await asyncio.sleep(after_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds()`: servers notice a closed connection, and threads end, a moment later."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
