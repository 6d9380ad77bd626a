"""MySQL with Group Replication: members that lag are read from, and the majority is lost while a write commits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from farmlokal.caching.loading import Loading
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_reader import MySQLReader
from tests.engines.replicated_services import (
    CATEGORY,
    believe_readers,
    fill_catalogue,
    is_fresh,
    new_page,
    reads_of,
    stock_in,
    two_services,
    until_readers_serve,
    write,
)
from tests.servers.database_groups import MySQLGroup, MySQLMember
from tests.support.raw_requests import ask
from tests.support.service import Service, open_database
from tests.support.tcp_proxy import TCPProxy, tcp_proxy
from tests.support.waiting import eventually
from tests.support.webhook_sender import Answer, deliver, new_id, product
from tests.webhooks.inbox_view import inbox_of, stock_of

pytestmark = pytest.mark.clusters

# A group takes some seconds to see that it is one again, and so long the COMMIT waits.
GROUP_WAIT_MAX_S = 60
AT_ONCE = 6


@pytest.fixture(scope="module")
def group() -> Iterator[MySQLGroup]:
    """Three members, of the installation that FARMLOKAL_TEST_MYSQL_ROOT names, with a catalogue."""
    with MySQLGroup() as group:
        group.members[0].create_database("farm")
        asyncio.run(fill_catalogue(group.members[0]))
        yield group


@pytest.fixture
async def name(group: MySQLGroup) -> AsyncIterator[TCPProxy]:
    """What stands for the readers' name: new connections go where it leads."""
    async with tcp_proxy(group.members[1].port) as proxy:
        yield proxy


@pytest.fixture
async def services(group: MySQLGroup, name: TCPProxy, redis_url: str) -> AsyncIterator[tuple[Service, Service]]:
    """Two services that load from readers by now."""
    readers = [f"mysql://root@127.0.0.1:{name.port}/farm"]
    async with two_services(group.members[0].url("farm"), readers, redis_url) as both:
        await write(both[0], both[1])
        await until_readers_serve(*both)
        yield both


@contextmanager
def held_back(member: MySQLMember) -> Iterator[None]:
    """Let a member apply nothing within the block: it is sent all the same, and has its say in what is committed."""
    with member.opened() as holding, holding.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield
        cursor.execute("UNLOCK TABLES")


@pytest.mark.parametrize("checked", [False, True])
async def test_what_a_late_secondary_lacks_is_not_called_fresh(
    group: MySQLGroup, services: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """A secondary that applies nothing gives the old page out as fresh, unless it is asked how far it has come."""
    writing, other = services
    if not checked:
        believe_readers(monkeypatch)
    old = stock_in(await ask(other.port, new_page()))
    with held_back(group.members[1]):
        new = await write(writing, other)
        answer = await ask(other.port, new_page())
        assert (new if checked else old, True) == (stock_in(answer), is_fresh(answer))
        assert checked == (reads_of(other)["writer-behind"] > 0)
    before = reads_of(other)["reader"]

    async def read_there() -> int:
        assert new == stock_in(await ask(other.port, new_page())) or not checked
        return reads_of(other)["reader"]

    await eventually(read_there, lambda reads: reads > before)


@pytest.mark.parametrize("checked", [False, True])
async def test_each_connection_to_a_name_is_asked_for_itself(
    group: MySQLGroup,
    name: TCPProxy,
    services: tuple[Service, Service],
    monkeypatch: pytest.MonkeyPatch,
    checked: bool,
) -> None:
    """Behind one name are two servers, one of them late: what the one has says nothing of the other."""
    writing, other = services
    late, current = group.members[1:]
    if not checked:
        monkeypatch.setattr(MySQLReader, "_is_to_be_asked", _asked_of_any)
    name.alternate(late.port, current.port)
    old = stock_in(await ask(other.port, new_page()))

    async def stocks() -> set[int]:
        answers = await asyncio.gather(*(ask(other.port, new_page()) for _ in range(AT_ONCE)))
        assert all(map(is_fresh, answers))
        return set(map(stock_in, answers))

    await stocks()  # both are connected
    with held_back(late):
        new = await write(writing, other)
        before = reads_of(other)
        if checked:
            for _ in range(3):
                assert {new} == await stocks()
            assert reads_of(other)["reader"] > before["reader"]
            assert reads_of(other)["writer-behind"] > before["writer-behind"]
        else:
            await eventually(stocks, lambda found: old in found)


def _asked_of_any(self: MySQLReader, connection: Connection, needed: tuple[str, ...]) -> bool:
    """A question is not asked where any connection of the reader has the answer, as if its name led to one server."""
    known: set[tuple[str, ...]] = self.__dict__.setdefault("known", set())
    known.add(connection.has_positions)
    return needed not in known


async def test_the_majority_is_lost_while_a_write_commits(
    group: MySQLGroup, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender comes again, nothing that the write touches is called fresh meanwhile, and it has one effect."""
    first, *others = group.members
    event_id = new_id()
    async with two_services(first.url("farm"), [], redis_url) as (writing, other):
        old = await write(writing, other)
        new = old + 1

        async def send() -> Answer:
            data = product("tracked", new, name="Tracked", category=CATEGORY, stock=new)
            return await deliver(writing.client, "product.upserted", data, event_id=event_id)

        async def look(service: Service) -> tuple[int, bool]:
            answer = await ask(service.port, new_page())
            return stock_in(answer), is_fresh(answer)

        try:
            for member in others:
                member.pause()
            assert 503 == (await send()).status
            with monkeypatch.context() as believing:
                believing.setattr(Loading, "_in_doubt", lambda *_: False)
                assert (old, True) == await look(other)  # the lie: the COMMIT takes effect later
            # The word of the doubt is on its way to the other.
            assert (old, False) == await eventually(lambda: look(other), lambda seen: not seen[1])
            assert (old, False) == await look(writing)
        finally:
            for member in others:
                member.resume()
        taken = await eventually(send, lambda answer: answer.status == 200, GROUP_WAIT_MAX_S)
        assert "duplicate" in taken.content
        for service in (other, writing):
            assert (new, True) == await eventually(lambda service=service: look(service), lambda seen: seen[1])  # type: ignore[misc]
        async with open_database(first.url("farm")) as database:
            rows = [row for row in await inbox_of(database) if row.event_id == event_id]
            assert [("done", "updated")] == [(row.state, row.effect) for row in rows]
            assert new == await stock_of(database, "tracked")
