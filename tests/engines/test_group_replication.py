"""MySQL with Group Replication: three members; first one of them is the primary, in the end all are."""

from collections.abc import AsyncIterator, Iterator

import pytest

from farmlokal.database import mysql_role
from farmlokal.database.interface import Database, Session
from tests.engines.increments import EACH, increment_everywhere
from tests.servers.database_groups import MySQLGroup, MySQLMember
from tests.support.backends import database_on
from tests.support.tcp_proxy import TCPProxy, tcp_proxy
from tests.support.waiting import eventually

pytestmark = pytest.mark.clusters

GROUP_WAIT_MAX_S = 60
_PRIMARY = (
    "SELECT member_port FROM performance_schema.replication_group_members"
    " WHERE member_role = 'PRIMARY' AND member_state = 'ONLINE'"
)
_REFUSES_WRITES = "SELECT @@GLOBAL.super_read_only"


@pytest.fixture(scope="module")
def group() -> Iterator[MySQLGroup]:
    """Three members, of the installation that FARMLOKAL_TEST_MYSQL_ROOT names."""
    with MySQLGroup() as group:
        group.members[0].create_database("farm")
        group.members[0].execute("CREATE TABLE written (n INT PRIMARY KEY)", database="farm")
        yield group


@pytest.fixture
async def proxy(group: MySQLGroup) -> AsyncIterator[TCPProxy]:
    """What stands for the name of the primary: new connections go where it leads."""
    async with tcp_proxy(primary_of(group).port) as proxy:
        yield proxy


@pytest.fixture
async def database(proxy: TCPProxy) -> AsyncIterator[Database]:
    """The database by that name."""
    async with database_on(f"mysql://root@127.0.0.1:{proxy.port}/farm") as database:
        yield database


def primary_of(group: MySQLGroup, *, without: MySQLMember | None = None) -> MySQLMember:
    """The member that all but one, which may be out, take for the primary."""
    asked = next(member for member in group.members if member is not without)
    return next(member for member in group.members if member.port == asked.tells(_PRIMARY))


async def write(session: Session) -> int:
    """Write one more row."""
    return await session.execute("INSERT INTO written SELECT COALESCE(MAX(n), 0) + 1 FROM written")


async def port_of(database: Database) -> object:
    """The port of the server that reads."""
    return (await database.fetch("SELECT @@port"))[0][0]


async def test_a_primary_that_hands_over_is_left(group: MySQLGroup, proxy: TCPProxy, database: Database) -> None:
    """The write that the old primary refuses with 1290 lands at the new one, and reads come from there as well."""
    old = primary_of(group)
    new = next(member for member in group.members if member is not old)
    await database.in_transaction(write)
    old.execute(f"SELECT group_replication_set_as_primary('{new.tells('SELECT @@server_uuid')}')")
    proxy.redirect(("127.0.0.1", new.port))
    await database.in_transaction(write)
    assert new.port == await port_of(database)
    await proxy.until_held(1)


async def test_an_expelled_primary_is_not_believed(
    group: MySQLGroup, proxy: TCPProxy, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A primary that its group expelled reads on for whoever stays connected; asked for its role, it is left."""
    old = primary_of(group)
    rows = "SELECT COUNT(*) FROM written"
    ((before,),) = await database.fetch(rows)
    old.pause()
    try:
        new = await eventually(lambda: _other_primary(group, old), lambda found: found is not None, GROUP_WAIT_MAX_S)
        assert new is not None
        new.execute("INSERT INTO written SELECT MAX(n) + 1 FROM written", database="farm")
        proxy.redirect(("127.0.0.1", new.port))
    finally:
        old.resume()
    await eventually(lambda: _read_only(old), bool, GROUP_WAIT_MAX_S)
    with monkeypatch.context() as believing:
        believing.setattr(mysql_role, "_BELIEVED_S", 3600)
        assert [(before,)] == await database.fetch(rows)  # the lie
    monkeypatch.setattr(mysql_role, "_BELIEVED_S", 0)
    assert [(before + 1,)] == await database.fetch(rows)
    assert new.port == await port_of(database)
    old.execute("STOP GROUP_REPLICATION")
    old.execute("START GROUP_REPLICATION")
    old.until_joined()


async def _other_primary(group: MySQLGroup, old: MySQLMember) -> MySQLMember | None:
    """Another primary that takes writes by now, which it does a moment after it was elected."""
    found = next(member for member in group.members if member is not old).tells(_PRIMARY)
    others = (member for member in group.members if member is not old and member.port == found)
    return next((member for member in others if member.tells(_REFUSES_WRITES) == 0), None)


async def _read_only(member: MySQLMember) -> bool:
    return member.tells(_REFUSES_WRITES) == 1


async def test_every_transaction_lands_once_whichever_member_takes_it(group: MySQLGroup) -> None:
    """With every member a primary, what loses to another (3101, 1180) is run again and lands once."""
    group.members[0].execute("SELECT group_replication_switch_to_multi_primary_mode()")
    found, attempts = await increment_everywhere(group.members, "increments")
    expected = EACH * len(group.members)
    assert [(1, expected), (2, expected)] == found
    assert attempts > expected
