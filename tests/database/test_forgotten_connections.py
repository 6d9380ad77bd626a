"""Connections that something between the service and its server forgot: what is sent on them vanishes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from urllib.parse import urlsplit

import aiomysql
import pytest

from farmlokal.database import mysql_opening, mysql_pool, mysql_session, mysql_silence
from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.interface import Database, Session
from farmlokal.database.mysql_connection import _KEEPALIVE, Connection, ServerSession
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.database.mysql_silence import abandon_unheard
from farmlokal.errors import DatabaseUnavailable
from tests.servers import NamedDatabase
from tests.support.backends import connect_to, connections_to, database_on, on_every_server
from tests.support.lateness import within
from tests.support.tcp_proxy import TCPProxy, tcp_proxy
from tests.support.waiting import until

POOL_SIZE = 3
# Below what one statement into a forgotten connection took: its limit and a second.
SOON_S = 2.5
LIMIT_MS = 4000


@pytest.fixture
async def proxy(mysql_url: str) -> AsyncIterator[TCPProxy]:
    """A proxy in front of a server that holds one table of one row."""
    with closing(connect_to(mysql_url)) as other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE rows_written (n INT)")
        cursor.execute("INSERT INTO rows_written VALUES (0)")
        other.commit()
    parts = urlsplit(mysql_url)
    async with tcp_proxy(parts.port or 3306, parts.hostname or "127.0.0.1") as proxy:
        yield proxy


@pytest.fixture
def proxied_url(mysql_url: str, proxy: TCPProxy) -> str:
    """The URL of the database behind the proxy."""
    parts = urlsplit(mysql_url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return parts._replace(netloc=f"{user}127.0.0.1:{proxy.port}").geturl()


@pytest.fixture
async def database(proxied_url: str) -> AsyncIterator[Database]:
    """A database behind the proxy, every connection of its pool open and idle."""
    async with database_on(proxied_url, pool_size=POOL_SIZE, statement_limit_ms=LIMIT_MS) as database:
        await fill_pool(database)
        yield database


async def fill_pool(database: Database) -> None:
    """Have every connection of the pool open and idle."""
    await asyncio.gather(*[database.fetch("SELECT SLEEP(0.1)") for _ in range(POOL_SIZE)])
    assert (0, POOL_SIZE) == (database.pool_use.used, database.pool_use.idle)


async def add_one(session: Session) -> int:
    """Change the one row."""
    return await session.execute("UPDATE rows_written SET n = n + 1")


async def test_no_statement_is_lost_in_forgotten_connections(proxy: TCPProxy, database: Database) -> None:
    """The first statement of each kind is answered soon, and the other idle connections go with the silent one."""
    for ask, expected in (
        (lambda: database.fetch("SELECT n FROM rows_written"), [(0,)]),
        (lambda: database.fetch_texts("SELECT 'one'"), [[b"one"]]),
        (lambda: database.fetch_unlimited("SELECT 1"), [(1,)]),
        (lambda: database.in_transaction(lambda session: session.fetch("SELECT 2")), [(2,)]),
    ):
        await fill_pool(database)
        before = proxy.accepted
        assert POOL_SIZE == proxy.forget()
        async with within(SOON_S):
            assert expected == await ask()
        await proxy.until_held(1)
        # One for the answer, at most one to ask the server about the silence.
        assert proxy.accepted - before <= 2


async def test_a_server_far_away_is_asked_all_the_same(proxy: TCPProxy, database: Database) -> None:
    """Where a round trip takes as long as a listing elsewhere, a forgotten connection costs no statement either."""
    proxy.delay(0.08)
    proxy.forget()
    assert [[b"one"]] == await database.fetch_texts("SELECT 'one'", ())


async def test_an_opening_that_is_forgotten_is_begun_anew(
    proxied_url: str, proxy: TCPProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is lost in the middle of its greeting is given up before its caller is."""
    monkeypatch.setattr(mysql_silence, "SILENT_AFTER_S", 60)  # asking the server would be one connection more
    monkeypatch.setattr(mysql_opening, "_TRIES_S", (0.5, 5.0))
    proxy.delay(0.02)
    async with database_on(proxied_url, pool_size=1) as database:
        asking = asyncio.create_task(database.fetch("SELECT n FROM rows_written"))
        await until(lambda: proxy.forget() == 1)
        assert [(0,)] == await asking
    assert 2 == proxy.accepted


async def test_an_opening_that_is_broken_off_is_made_good_once(
    proxied_url: str, proxy: TCPProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is cut in its greeting costs its caller nothing; a server that goes on so is given up soon."""
    monkeypatch.setattr(mysql_silence, "SILENT_AFTER_S", 60)  # asking the server would be one connection more
    proxy.delay(0.02)
    async with database_on(proxied_url, pool_size=1) as database:
        asking = asyncio.create_task(database.fetch_unlimited("SELECT n FROM rows_written"))
        await until(lambda: proxy.open == 1)
        proxy.cut()
        assert [(0,)] == await asking
        assert 2 == proxy.accepted
        proxy.refuse()
        with pytest.raises(DatabaseUnavailable):
            await database.fetch_unlimited("SELECT n FROM rows_written")
        assert 4 == proxy.accepted


async def test_as_many_statements_as_connections_are_not_lost(proxy: TCPProxy, database: Database) -> None:
    """Statements that went into forgotten connections at the same time are all answered soon."""
    proxy.forget()
    async with within(SOON_S):
        answers = await asyncio.gather(*[database.fetch("SELECT %s", (number,)) for number in range(4 * POOL_SIZE)])
    assert [[(number,)] for number in range(4 * POOL_SIZE)] == answers


async def test_a_statement_that_takes_long_is_left_alone(
    proxy: TCPProxy, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is asked about a long statement, has it, and gives its answer: it runs once."""
    monkeypatch.setattr(mysql_silence, "SILENT_AFTER_S", 0.05)
    before = proxy.accepted
    assert [(0,)] == await database.fetch("SELECT SLEEP(1)")
    assert proxy.accepted > before
    await proxy.until_held(POOL_SIZE)


@pytest.mark.parametrize("end", ["forget", "cut"])
async def test_a_transaction_lost_in_its_middle_runs_again(
    mysql_url: str, proxy: TCPProxy, database: Database, end: str
) -> None:
    """Its session is ended, with the lock that it held, and the whole of it takes effect once."""
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await add_one(session)
        if attempts == 1:
            getattr(proxy, end)()
        await add_one(session)

    async with within(SOON_S):
        await database.in_transaction(work)
    assert (2, [(2,)]) == (attempts, await database.fetch("SELECT n FROM rows_written"))
    assert {"connection": 1, "commit": 0} == database.losses
    await until(lambda: connections_to(mysql_url) <= POOL_SIZE)


@pytest.mark.parametrize("end", ["forget", "cut"])
async def test_a_commit_without_an_answer_is_not_repeated(
    proxy: TCPProxy, database: Database, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Whether a COMMIT that was not answered took effect is not known, so that its transaction runs once."""
    monkeypatch.setattr(mysql_session, "_TRANSACTION_ANSWER_MAX_S", 1)
    commit = Connection.commit
    attempts = 0

    async def lost_commit(connection: Connection) -> None:
        getattr(proxy, end)()
        await commit(connection)

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await add_one(session)

    monkeypatch.setattr(Connection, "commit", lost_commit)
    with pytest.raises(DatabaseUnavailable):
        await database.in_transaction(work)
    assert 1 == attempts


async def test_idle_connections_are_let_go(
    proxy: TCPProxy, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that has been idle for the stated time is closed by itself; one that is used is not."""
    monkeypatch.setattr(mysql_pool, "_IDLE_MAX_S", 0.3)
    await proxy.until_held(POOL_SIZE)
    # The timer of those that are idle already is the old one's: it goes by the limit of when it was set.
    database._pool._let_go()  # type: ignore[attr-defined]
    await proxy.until_held(0)
    assert 0 == database.pool_use.idle


async def test_no_connection_lives_for_ever(proxied_url: str, proxy: TCPProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the stated life a connection is closed after its statement, and the next one connects by name."""
    monkeypatch.setattr(mysql_pool, "_LIFE_MAX_S", 0)
    async with database_on(proxied_url, pool_size=POOL_SIZE) as database:
        for _ in range(3):
            await database.fetch("SELECT 1")
            assert 0 == database.pool_use.idle
    assert 3 == proxy.accepted


async def test_the_kernel_asks_after_a_silent_connection(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection's keepalive is set in seconds, so that a lost end is noticed whatever the code waits for."""
    seen = []

    def noticing(connection: Connection) -> bool:
        seen.append(connection._writer.get_extra_info("socket"))
        return False

    monkeypatch.setattr(Connection, "ended", property(noticing))
    await database.fetch("SELECT 1")
    (connected,) = seen
    assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    found = {option: connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) for option in _KEEPALIVE}
    assert found == _KEEPALIVE
    assert found["TCP_KEEPIDLE"] + found["TCP_KEEPINTVL"] * found["TCP_KEEPCNT"] <= 60


async def test_only_a_session_that_is_given_up_is_ended(mysql_url: str) -> None:
    """One whose statement was answered while the server was asked is at rest too, and goes on."""
    address = parse_address(mysql_url)
    assert isinstance(address, MySQLAddress)
    opener = ConnectionOpener(address)
    connection = await opener.open()
    await abandon_unheard(opener, [connection], lambda _: [])
    await connection.query("SELECT 1")
    await abandon_unheard(opener, [connection], lambda unheard: unheard)
    with pytest.raises(aiomysql.OperationalError):
        await connection.query("SELECT 1")
    connection.close()


@on_every_server
async def test_a_strange_character_elsewhere_is_no_fault(backend_url: str) -> None:
    """A connection is opened, and found at the server, while another session's statement has an ideogram in it."""
    address = parse_address(backend_url)
    assert isinstance(address, MySQLAddress)
    opener = ConnectionOpener(address)
    other = await opener.open()
    asking = asyncio.create_task(other.query("SELECT SLEEP(30), '\U00020bb7'"))
    try:
        connection = await opener.open()
        assert connection.session is not None
        connection.close()
        assert not asking.done()
    finally:
        assert other.session is not None
        NamedDatabase(backend_url).end_connection(other.session[0])
        await asyncio.gather(asking, return_exceptions=True)
        other.close()


async def test_bulk_work_is_not_looked_after(mysql_url: str) -> None:
    """A server lists a session as at rest until it has read a statement whole: a long one would be taken for lost."""
    address = parse_address(mysql_url)
    assert isinstance(address, MySQLAddress)
    connection = await ConnectionOpener(address).open()
    for padding, looked_after in (("", True), ("x" * 20_000, False)):
        asking = asyncio.create_task(connection.query(f"SELECT SLEEP(0.2), '{padding}'"))
        await asyncio.sleep(0)
        assert looked_after == (connection.asked_at is not None)
        await asking
        assert connection.asked_at is None
    connection.close()


async def test_a_server_that_answers_nothing_is_known_to_hang(
    proxy: TCPProxy, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a statement and by a new connection without an answer; until something is answered again."""
    monkeypatch.setattr(mysql_pool, "_HANGS_AFTER_S", 0.2)
    for connected in (True, False):
        if not connected:
            database._pool.discard_idle()  # type: ignore[attr-defined]
        proxy.swallow()
        waiting = asyncio.create_task(database.fetch("SELECT 1"))
        await until(lambda: database.hangs)
        assert not waiting.done()
        waiting.cancel()
        proxy.pass_on()
        assert [(1,)] == await database.fetch("SELECT 1")
        assert not database.hangs


async def test_a_session_that_cannot_be_ended_is_not_settled(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without its group lists a killed session whose COMMIT waits: it may take effect for as long as that."""
    address = parse_address(mysql_url)
    assert isinstance(address, MySQLAddress)
    opener = ConnectionOpener(address)
    connection = await opener.open()
    monkeypatch.setattr(mysql_silence, "SERVER_WAITS_S", 0.3)
    kills, may_kill = [], False
    kill = mysql_silence._kill

    async def refused(own: Connection, session: ServerSession) -> None:
        kills.append(asyncio.get_running_loop().time())
        if not may_kill:
            raise aiomysql.OperationalError(1094, f"no session {session} may be ended")
        await kill(own, session)

    monkeypatch.setattr(mysql_silence, "_kill", refused)
    settling = asyncio.create_task(mysql_silence.settle(opener, connection.session))
    await until(lambda: bool(kills) and kills[-1] - kills[0] > 0.6)
    assert not settling.done()
    may_kill = True
    await until(settling.done)
    connection.close()
