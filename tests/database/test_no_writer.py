"""A server that is read-only, or expelled from its group: no connection to it is kept, and the reason is told."""

import math
from collections.abc import AsyncIterator

import pytest

from farmlokal.database import mysql_role
from farmlokal.database.interface import Database, Session
from farmlokal.errors import DatabaseUnavailable
from tests.servers import MariaDBServer
from tests.support.backends import database_on, on_every_server
from tests.support.log_lines import logged
from tests.support.own_servers import StartMariaDB
from tests.support.tcp_proxy import TCPProxy, tcp_proxy

POOL_SIZE = 3
# MariaDB's Galera node outside its group, and MySQL members that are none, or wait in vain for the others.
OUT_OF_GROUP = (1047, 3796, 3797, 3798, 3799)
# Read-only in each of the ways that the servers have; a group's hook.
NO_WRITER = (*OUT_OF_GROUP, 1290, 1792, 1836, 1874, 3100)
# How many this session has sent, this one included.
STATEMENTS = "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'QUESTIONS'"


def farm_on(own_mariadb: StartMariaDB) -> MariaDBServer:
    """A server with one table, and a user whom `read_only` stops, as it does not stop root."""
    server = own_mariadb()
    server.create_database("farm")
    server.execute("CREATE TABLE rows_written (n INT)", database="farm")
    server.execute("CREATE USER farmer@'%'")
    server.execute("GRANT ALL ON farm.* TO farmer@'%'")
    return server


@pytest.fixture
def old(own_mariadb: StartMariaDB) -> MariaDBServer:
    """The server that is the writer first."""
    return farm_on(own_mariadb)


@pytest.fixture
async def proxy(old: MariaDBServer) -> AsyncIterator[TCPProxy]:
    """What stands for the name: new connections go where it leads."""
    async with tcp_proxy(old.port) as proxy:
        yield proxy


@pytest.fixture
async def database(proxy: TCPProxy) -> AsyncIterator[Database]:
    """The database by that name."""
    async with database_on(f"mysql://farmer@127.0.0.1:{proxy.port}/farm", pool_size=POOL_SIZE) as database:
        yield database


async def write(session: Session) -> int:
    """Write one row."""
    return await session.execute("INSERT INTO rows_written VALUES (1)")


async def test_a_demoted_server_is_left_by_the_first_write(
    old: MariaDBServer, own_mariadb: StartMariaDB, proxy: TCPProxy, database: Database
) -> None:
    """The write that the old primary refuses lands on the new one, and from then on reads come from there as well."""
    new = farm_on(own_mariadb)
    await database.in_transaction(write)
    assert [(old.port,)] == await database.fetch("SELECT @@port")
    old.execute("SET GLOBAL read_only = 1")
    proxy.redirect(("127.0.0.1", new.port))
    assert 1 == await database.in_transaction(write)
    assert [(new.port,)] == await database.fetch("SELECT @@port")
    assert ((1,),) == tuple(new.execute("SELECT COUNT(*) FROM rows_written", database="farm"))
    await proxy.until_held(1)


async def test_a_server_that_stays_read_only_is_asked_by_a_new_connection_each_time(
    old: MariaDBServer, proxy: TCPProxy, database: Database
) -> None:
    """Each refused write has the reason, keeps no connection, and is one line in all; then writes land again."""
    old.execute("SET GLOBAL read_only = 1")
    with logged() as events:
        for _ in range(3):
            before = proxy.accepted
            with pytest.raises(DatabaseUnavailable, match="takes no writes") as refused:
                await database.in_transaction(write)
            assert "--read-only" in refused.value.reason
            assert 0 == database.pool_use.idle
            assert proxy.accepted > before
        assert "--read-only" in str(await database.ping())
        old.execute("SET GLOBAL read_only = 0")
        assert 1 == await database.in_transaction(write)
    (line,) = [event for event in events if event["event"] == "the database refuses writes"]
    assert "--read-only" in line["reason"]


async def test_a_demoted_server_is_left_by_readers(
    old: MariaDBServer,
    own_mariadb: StartMariaDB,
    proxy: TCPProxy,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody writes: a believed connection reads on at the old primary; asked for its role, it is left for the new."""
    new = farm_on(own_mariadb)
    monkeypatch.setattr(mysql_role, "_BELIEVED_S", math.inf)
    await database.fetch("SELECT 1")
    old.execute("SET GLOBAL read_only = 1")
    proxy.redirect(("127.0.0.1", new.port))
    assert [(old.port,)] == await database.fetch("SELECT @@port")
    monkeypatch.setattr(mysql_role, "_BELIEVED_S", 0)
    assert [(new.port,)] == await database.fetch("SELECT @@port")
    assert [(new.port,)] == await database.fetch("SELECT @@port")
    assert 2 == proxy.accepted
    await proxy.until_held(1)


async def test_a_connection_that_was_just_asked_is_asked_no_more(
    proxy: TCPProxy, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question for the role costs the server nothing where statements follow each other within a second."""
    monkeypatch.setattr(mysql_role, "_BELIEVED_S", 60)  # a busy machine may take longer than a second
    ((before,),) = await database.fetch(STATEMENTS)
    ((after,),) = await database.fetch(STATEMENTS)
    assert 1 == int(after) - int(before)
    assert 1 == proxy.accepted


@on_every_server
@pytest.mark.parametrize("number", NO_WRITER)
async def test_no_connection_to_a_server_that_is_no_writer_is_kept(backend_url: str, number: int) -> None:
    """Whichever way the server says it, in a transaction or to a SELECT, all its connections are closed."""
    async with database_on(backend_url, pool_size=POOL_SIZE) as database:
        attempts = []

        async def refused(session: Session) -> None:
            attempts.append(await session.fetch("SELECT CONNECTION_ID()"))
            await session.execute(f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'no writer'")

        await database.fetch("SELECT 1")
        with pytest.raises(DatabaseUnavailable) as error:
            await database.in_transaction(refused)
        assert f"({number}, 'no writer')" == error.value.reason
        assert ("is out of its group" in str(error.value)) == (number in OUT_OF_GROUP)
        assert 0 == database.pool_use.idle
        # A refused COMMIT may have landed elsewhere; what came before it did not.
        assert (1 if number == 3100 else 2) == len(attempts)
        assert attempts[0] not in attempts[1:]
        assert [(1,)] == await database.fetch("SELECT 1")
