"""Callers that leave, loads that fail and loads that hang: the others get their answer, and nothing is left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.value import Value
from farmlokal.errors import DatabaseUnavailable, Unavailable
from tests.support.cache import Origin, Process, asked, cache_with, own_client, process
from tests.support.redis_names import KEYS
from tests.support.waiting import settle, until


@asynccontextmanager
async def nothing_left(url: str) -> AsyncIterator[Process]:
    """A process of which, after the block, no task, lease, waiter or taken slot is left."""
    async with process(url) as one, own_client(url) as redis:
        await asked(one.cache, "another", Origin())  # the connection for its commands is made once, and stays
        await one.cache.settle()
        before = len(asyncio.all_tasks())
        yield one
        await until(lambda: "in_flight=0" in repr(one.cache))
        await one.cache.settle()
        await settle()
        assert before == len(asyncio.all_tasks())
        assert [] == await redis.keys(KEYS.lease("*"))
        for part in ("<AwaitedLoads keys=0>", "<Origin free_slots=10 ", "asked=0 sending=0", "writes=0>"):
            assert part in repr(one.cache)


def ask(one: Process, load: Callable[[], Awaitable[Value]], count: int) -> list[asyncio.Task[Lookup]]:
    """So many callers of one key."""
    return [asyncio.create_task(asked(one.cache, "key", load, tags=("tag",))) for _ in range(count)]


@pytest.mark.parametrize("victims", [[0], [3], [0, 1, 2, 3], list(range(5))], ids=str)
async def test_cancelled_callers(redis_url: str, victims: list[int]) -> None:
    """The leader, a follower, all but one, all: whoever stays gets the value of the one load."""
    origin = Origin()
    origin.gate = asyncio.Event()
    async with nothing_left(redis_url) as one:
        callers = ask(one, origin, 5)
        await until(lambda: origin.running == 1)
        for victim in victims:
            callers[victim].cancel()
        await settle()
        origin.gate.set()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        for place, answer in enumerate(answers):
            if place in victims:
                assert isinstance(answer, asyncio.CancelledError)
            else:
                assert isinstance(answer, Lookup)
                assert b"load 1" == answer.value.body
        await until(lambda: "in_flight=0" in repr(one.cache))
        assert Outcome.MEMORY_HIT is (await asked(one.cache, "key", origin, tags=("tag",))).outcome
    assert 1 == origin.loads


@pytest.mark.parametrize("fault", [DatabaseUnavailable("away"), ZeroDivisionError("a mistake of ours")], ids=repr)
async def test_a_load_that_raises(redis_url: str, fault: Exception) -> None:
    """Every caller hears of it, and the next may try again at once."""
    origin = Origin()
    origin.fault = fault
    async with nothing_left(redis_url) as one:
        answers = await asyncio.gather(*ask(one, origin, 5), return_exceptions=True)
        assert [fault] * 5 == answers
        origin.fault = None
        assert b"load 2" == (await asked(one.cache, "key", origin, tags=("tag",))).value.body


async def test_a_load_that_raises_in_three_processes(redis_url: str) -> None:
    """The lease is a lock between processes: each tries once for all its callers, one after the other."""
    origin = Origin()
    origin.fault = DatabaseUnavailable("away")
    origin.gate = asyncio.Event()
    async with nothing_left(redis_url) as one, process(redis_url) as two, process(redis_url) as three:
        callers = [caller for each in (one, two, three) for caller in ask(each, origin, 5)]
        await until(lambda: origin.running == 1)
        origin.gate.set()
        assert [origin.fault] * 15 == await asyncio.gather(*callers, return_exceptions=True)
    assert (3, 1) == (origin.loads, origin.most_running)


async def test_a_load_that_hangs() -> None:
    """At its deadline it is cancelled, every caller hears when to come back, and its slot is free."""
    origin = Origin()
    origin.gate = asyncio.Event()
    cache = cache_with(origin_loads=1, load_max_s=0.05)
    answers = await asyncio.gather(*(asked(cache, "key", origin) for _ in range(5)), return_exceptions=True)
    assert {Unavailable} == {type(answer) for answer in answers}
    assert (1, 0) == (origin.loads, origin.running)
    origin.gate.set()
    assert Outcome.MISS is (await asked(cache, "key", origin)).outcome


async def test_a_loader_s_own_timeout_is_its_own() -> None:
    """A timeout that the loader raises is not taken for the deadline."""
    origin = Origin()
    origin.fault = TimeoutError("of the driver")
    cache = cache_with(load_max_s=5)
    with pytest.raises(TimeoutError, match="of the driver"):
        await asked(cache, "key", origin)


async def test_closing_ends_what_hangs(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopping process waits for its loads for a bounded time, cancels them, and gives their leases back."""
    monkeypatch.setattr("farmlokal.caching.read_through._DRAIN_WAIT_MAX_S", 0.2)
    origin = Origin()
    origin.gate = asyncio.Event()
    before = asyncio.all_tasks()
    async with process(redis_url) as one, own_client(redis_url) as redis:
        callers = ask(one, origin, 3)
        await until(lambda: origin.running == 1)
        await one.cache.close()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        assert {asyncio.CancelledError} == {type(answer) for answer in answers}
        assert [] == await redis.keys(KEYS.lease("*"))
    assert before == asyncio.all_tasks()
