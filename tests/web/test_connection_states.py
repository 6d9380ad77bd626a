"""The states of a connection: the table, and the way that real connections take through it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.errors import Unavailable
from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.states import NEXT, Event, State
from tests.support.kept_connection import KeptConnection, kept_connection
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for
from tests.support.waiting import until
from tests.web.first_requests import HELD, make_tasks_late
from tests.web.hot_service import asking, connections_of, held_up, no_loose_ends, server_of
from tests.web.watched_store import watch_store

PAGE = "/products?limit=7"
_GATE_S = 0.05
_STOP_MAX_S = 5


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with every page but in memory."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


def test_the_table_leads_everywhere_and_out_of_everything_but_the_end() -> None:
    """Every state can come after IDLE, IDLE after every state but GONE, and every connection can end."""
    reached, new = set[State](), {State.IDLE}
    while new:
        reached |= new
        new = {after for state in new for after in NEXT[state].values()} - reached
    assert set(State) == reached == set(NEXT)
    for state in set(State) - {State.GONE}:
        assert State.GONE is NEXT[state][Event.ENDED]
        before_idle = {one for one, following in NEXT.items() if State.IDLE in following.values()}
        assert state in before_idle or before_idle & set(NEXT[state].values())
    assert {State.GONE} == set(NEXT[State.GONE].values())
    assert set(Event) == {event for state in set(State) - {State.GONE} for event in NEXT[state]}


def taken_ways(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Event, State]]:
    """The events of all connections from now on, each with the state that it led to."""
    ways: list[tuple[Event, State]] = []
    after = LookUpConnection.after

    def enter_and_log(connection: LookUpConnection, event: Event) -> None:
        after(connection, event)
        ways.append((event, connection.state))

    monkeypatch.setattr(LookUpConnection, "after", enter_and_log)
    return ways


async def until_idle(service: Service) -> None:
    """Wait until aiohttp's task of the one connection waits for a request."""
    (connection,) = connections_of(service)
    await until(lambda: connection.waiter is not None)


async def test_a_page_that_is_looked_up_and_then_in_memory(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked up and answered; from memory no state is left; and the client's end is the connection's."""
    async with kept_connection(service.port) as connection:
        # Once it is there, its task waits.
        assert 200 == (await connection.ask("/livez")).status
        await until_idle(service)
        ways = taken_ways(monkeypatch)
        for _ in range(3):
            assert 200 == (await connection.ask(PAGE)).status
        assert [(Event.LOOKED_UP, State.LOOKING), (Event.ANSWERED, State.IDLE)] == ways
        (ours,) = connections_of(service)
    await until(lambda: ours.state is State.GONE)
    assert {(Event.ENDED, State.GONE)} == set(ways[2:])


async def test_a_request_that_is_held_until_the_task_waits(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is looked up, as any other."""
    make_tasks_late(monkeypatch, HELD)
    made = LookUpConnection.connection_made

    def made_and_read(connection: LookUpConnection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        connection.data_received(asking(PAGE))

    monkeypatch.setattr(LookUpConnection, "connection_made", made_and_read)
    ways = taken_ways(monkeypatch)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    assert 200 == (await KeptConnection(reader, writer).receive()).status
    assert [(Event.HELD_BACK, State.HELD), (Event.LOOKED_UP, State.LOOKING), (Event.ANSWERED, State.IDLE)] == ways
    writer.close()


async def test_what_fails_is_handed_over_and_what_is_behind_left_to_aiohttp(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handlers answer both; after the last of their answers the next page is for the hot path again."""
    store = watch_store(service.app)
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            await connection.ask("/livez")
            await until_idle(service)
            ways = taken_ways(monkeypatch)
            gate = await held_up(store, connection, asking(PAGE))
            await connection.send([asking("/livez"), asking("/livez")])
            await asyncio.sleep(_GATE_S)
            store.fault = Unavailable("the database is away", retry_after_s=7)
            gate.set()
            assert [503, 200, 200] == [(await connection.receive()).status for _ in range(3)]
            expected = [
                (Event.LOOKED_UP, State.LOOKING),
                (Event.HANDED_OVER, State.HANDED_OVER),
                (Event.ANSWERED_FIRST, State.ANSWERING),
                (Event.ANSWERED_FIRST, State.ANSWERING),
                (Event.ANSWERED, State.IDLE),
            ]
            assert expected == ways
            store.fault = None
            assert 200 == (await connection.ask(PAGE)).status
            assert [(Event.LOOKED_UP, State.LOOKING), (Event.ANSWERED, State.IDLE)] == ways[5:]


async def test_a_body_that_ends_after_its_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Aiohttp reads the rest before it waits again; the next page is then for the hot path."""
    async with kept_connection(service.port) as connection:
        await connection.ask("/livez")
        await until_idle(service)
        ways = taken_ways(monkeypatch)
        await connection.send([b"POST /livez HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nha"])
        assert 405 == (await connection.receive()).status
        assert [(Event.LEFT, State.ANSWERING)] == ways
        await connection.send([b"lf"])
        await until_idle(service)
        assert 200 == (await connection.ask(PAGE)).status
        looked_up = [(Event.LOOKED_UP, State.LOOKING), (Event.ANSWERED, State.IDLE)]
        assert [(Event.TASK_WAITS, State.IDLE), *looked_up] == ways[1:]


async def test_a_connection_that_is_told_to_end_takes_no_more(service: Service) -> None:
    """Idle, it is gone at once, and says so."""
    async with kept_connection(service.port) as connection:
        await connection.ask(PAGE)
        (ours,) = connections_of(service)
        assert "<LookUpConnection idle>" == repr(ours)
        ours.close()
        assert "<LookUpConnection gone>" == repr(ours)
        await server_of(service).shutdown(_STOP_MAX_S)
        assert await connection.ended()
