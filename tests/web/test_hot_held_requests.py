"""A request that is held back until aiohttp's task waits, and an end of the client, the process or the answer then."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from farmlokal.web import keys
from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.states import Event, State
from tests.support.lateness import within
from tests.support.log_lines import at_level, logged
from tests.support.raw_requests import problem
from tests.support.service import Service
from tests.support.waiting import until
from tests.web.first_requests import (
    HELD,
    LATE,
    answers_counted,
    connections_that_ask,
    make_tasks_late,
    read_at_once,
    serving_from_redis,
)
from tests.web.hot_service import asking, hot_path_of, no_loose_ends, server_of, tasks_of

STOP_MAX_S = 5


@pytest.fixture
async def service(tmp_path: Path, redis_url: str) -> AsyncIterator[Service]:
    """A service with every page in Redis alone."""
    async with serving_from_redis(tmp_path, redis_url) as running:
        yield running


@pytest.mark.parametrize("moment", [Event.HELD_BACK, Event.LOOKED_UP, Event.ANSWERED])
@pytest.mark.parametrize("turns", [0, HELD])
async def test_a_client_that_leaves_before_its_answer_leaves_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, turns: int, moment: Event
) -> None:
    """While its request is held, while Redis is asked, or with the answer there: no task, no error, nobody waits."""
    make_tasks_late(monkeypatch, turns)
    handlers = read_at_once(monkeypatch, asking("/products?limit=7"))
    after = LookUpConnection.after

    def enter_and_leave(handler: LookUpConnection, event: Event) -> None:
        after(handler, event)
        # From Python 3.12 on a task begins at once, and a request is held only for a task that is late.
        if event is moment or (moment is Event.HELD_BACK and event is Event.LOOKED_UP):
            assert handler.transport is not None
            handler.transport.abort()

    monkeypatch.setattr(LookUpConnection, "after", enter_and_leave)
    with no_loose_ends():
        async with connections_that_ask(service.port, [b""]) as (connection,):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await connection.receive()
        (handler,) = handlers
        await until(lambda: not handler.in_progress and not tasks_of("_look_up", "start", "late"))
        # Elsewhere Redis may have been asked.
        held = moment is Event.HELD_BACK and turns == HELD
        answered = service.app[keys.REQUEST_COUNTS].hot_path_answers if held else 0
        assert (State.GONE, 0) == (handler.state, answered)
        async with within(STOP_MAX_S / 2):
            server_of(service).pre_shutdown()
            await server_of(service).shutdown(STOP_MAX_S)


def stop_when_held(service: Service, monkeypatch: pytest.MonkeyPatch, told_first: bool) -> list[asyncio.Task[None]]:
    """Have the process stop as soon as a request is held; the task that does it."""
    stopping: list[asyncio.Task[None]] = []
    after = LookUpConnection.after

    def enter_and_stop(handler: LookUpConnection, event: Event) -> None:
        after(handler, event)
        if event in (Event.HELD_BACK, Event.LOOKED_UP) and not stopping:
            if told_first:
                server_of(service).pre_shutdown()
            stopping.append(asyncio.create_task(server_of(service).shutdown(STOP_MAX_S)))

    monkeypatch.setattr(LookUpConnection, "after", enter_and_stop)
    return stopping


@pytest.mark.parametrize("told_first", [True, False], ids=["told first", "at once"])
@pytest.mark.parametrize("turns", LATE)
async def test_a_process_that_stops_while_a_request_is_held_does_not_hang(
    service: Service, monkeypatch: pytest.MonkeyPatch, turns: int, told_first: bool
) -> None:
    """The connection ends, with the answer or, where its task had not begun, without one; nobody waits for the end."""
    make_tasks_late(monkeypatch, turns)
    stopping = stop_when_held(service, monkeypatch, told_first)
    read_at_once(monkeypatch, asking("/products?limit=7"))
    with no_loose_ends():
        async with connections_that_ask(service.port, [b""]) as (connection,):
            await until(lambda: stopping != [])
            async with within(STOP_MAX_S / 2):
                if turns == 0:
                    assert 200 == (await connection.receive()).status
                assert await connection.ended()
                await stopping[0]
        assert [] == tasks_of("_look_up", "start", "late")


async def test_connections_that_are_told_to_end_answer_the_request_that_is_held(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came before they were told; and nothing that comes after it is answered."""
    make_tasks_late(monkeypatch, HELD)
    handlers = read_at_once(monkeypatch, asking("/products?limit=7"))
    waits = asyncio.Event()
    give_back = LookUpConnection.give_back

    def told_to_end(handler: LookUpConnection, turns: int = 0) -> None:
        if handler.state is State.HELD and handler.waiter is not None and not waits.is_set():
            waits.set()
            handler.close()
            # Its task ends before the next look at what is held.
            asyncio.get_running_loop().call_later(0.01, give_back, handler, turns)
        else:
            give_back(handler, turns)

    monkeypatch.setattr(LookUpConnection, "give_back", told_to_end)
    with no_loose_ends():
        async with connections_that_ask(service.port, [b""]) as (connection,):
            assert 7 == (await connection.receive()).json()["page"]["limit"]
            assert waits.is_set()
            await server_of(service).shutdown(STOP_MAX_S)
            assert await connection.ended()
        assert [] == tasks_of("_look_up", "start", "late")
        assert "<LookUpConnection gone>" == repr(handlers[0])


@pytest.mark.parametrize("turns", LATE)
async def test_an_answer_that_cannot_be_made_is_the_handlers_to_tell(
    service: Service, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    """A fault behind a hit in Redis: one line in the log, one problem, counted once; and the connection lives."""
    make_tasks_late(monkeypatch, turns)
    hot = hot_path_of(service)

    def fail(*_: Any) -> None:
        raise RuntimeError("secret")

    with logged() as events, no_loose_ends():
        async with connections_that_ask(service.port, [asking("/products?limit=7")]) as (connection,):
            with monkeypatch.context() as faulty:
                faulty.setattr(hot, "_filling", fail)
                answer = await connection.receive()
            if turns <= HELD:
                problem(answer, 500, "internal-error")
            assert 200 == (await connection.ask("/products?limit=7")).status
    expected = ["request failed"] if turns <= HELD else []
    assert expected == [event["event"] for event in at_level(events, "error")]
    assert 2 == await answers_counted(service)
