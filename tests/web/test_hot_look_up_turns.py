"""Pages beyond memory that are asked for together are looked up a few in a turn: answers from memory do not wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from farmlokal.web.hot import look_up
from farmlokal.web.hot.states import State
from tests.support.kept_connection import kept_connection
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for
from tests.support.waiting import until
from tests.web.hot_service import asking, connections_of, no_loose_ends, tasks_of

KEPT = "/products?limit=100"
OTHERS = 60
EACH_TURN = 8


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with one page in memory."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        async with kept_connection(running.port) as connection:
            await connection.ask(KEPT)
        yield running


@pytest.mark.parametrize("each_turn", [EACH_TURN, OTHERS], ids=["a few in a turn", "all at once"])
async def test_a_hit_waits_for_a_few_look_ups_at_most(
    service: Service, monkeypatch: pytest.MonkeyPatch, each_turn: int
) -> None:
    """Sixty pages and one from memory are asked for in one turn: all sixty begin before its answer, or a few."""
    monkeypatch.setattr(look_up, "_BEGIN_IN_A_TURN", each_turn)
    async with AsyncExitStack() as opened:
        connections = [await opened.enter_async_context(kept_connection(service.port)) for _ in range(OTHERS + 1)]
        await until(lambda: len(connections_of(service)) == OTHERS + 1)
        await until(lambda: all(one.waiter is not None for one in connections_of(service)))
        *others, last = connections_of(service)
        for number, one in enumerate(others):
            one.data_received(asking(f"/products?limit={number + 1}"))
        last.data_received(asking(KEPT))
        assert each_turn == len(tasks_of("_look_up"))
        answers = [asyncio.ensure_future(one.receive()) for one in connections]
        limits = sorted([(await answer).json()["page"]["limit"] for answer in answers])
        assert [*range(1, OTHERS + 1), 100] == limits


async def test_in_the_order_in_which_they_come() -> None:
    """What waits for a later turn goes before what comes then; each turn begins a few."""
    turns, begun = look_up.LookUpTurns(asyncio.get_running_loop()), list[int]()
    for number in range(2 * EACH_TURN + 1):
        turns.put(partial(begun.append, number))
    assert list(range(EACH_TURN)) == begun
    await asyncio.sleep(0)
    turns.put(lambda: begun.append(99))
    assert list(range(2 * EACH_TURN)) == begun
    await asyncio.sleep(0)
    assert [*range(2 * EACH_TURN + 1), 99] == begun
    assert "<LookUpTurns waiting=0>" == repr(turns)


async def test_a_client_that_leaves_while_it_waits_for_a_turn_costs_no_look_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two who ask in one turn, where one begins in each, the second is gone before its turn: nobody looks."""
    monkeypatch.setattr(look_up, "_BEGIN_IN_A_TURN", 1)
    with no_loose_ends():
        async with kept_connection(service.port), kept_connection(service.port):
            await until(lambda: [one.waiter is None for one in connections_of(service)] == [False, False])
            begin, leave = connections_of(service)
            begin.data_received(asking("/products?limit=1"))
            leave.data_received(asking("/products?limit=2"))
            assert leave.transport is not None
            leave.transport.abort()
            await until(lambda: not leave.in_progress and not begin.in_progress and not tasks_of("_look_up"))
            assert (State.GONE, State.IDLE) == (leave.state, begin.state)
