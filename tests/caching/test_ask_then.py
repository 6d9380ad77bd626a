"""Look-ups in Redis by callbacks: what is told, what it costs at Redis, and whose work it starts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest

from farmlokal.caching.lookup import Lookup, Outcome, Question
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from tests.support.cache import (
    STALE_S,
    TTL_S,
    Origin,
    Process,
    asked,
    asked_then,
    cache_with,
    epoch_of,
    own_client,
    process,
)
from tests.support.clock import StillClock
from tests.support.lateness import lateness
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS
from tests.support.waiting import settle, until

REDIS_WAIT_S = 0.1
# A busy machine may hold up anything for this long by itself.
SLACK_S = 0.5
ASKERS = 200


@pytest.fixture
def clock() -> StillClock:
    """What all processes of a test go by."""
    return StillClock()


@pytest.fixture
async def reader(redis_url: str, clock: StillClock) -> AsyncIterator[Process]:
    """A process that has nothing in memory."""
    async with process(redis_url, clock) as one:
        yield one


async def keep(url: str, clock: StillClock, origin: Origin, *keys: str) -> None:
    """Have another process load `keys`, and keep them in Redis."""
    async with process(url, clock, listening=False) as other:
        for key in keys:
            await asked(other.cache, key, origin)


def answers(cache: ReadThrough) -> dict[Outcome, int]:
    """How many answers of each kind were counted."""
    return {outcome: count for outcome in Outcome if (count := cache.counts.answers(outcome))}


async def mgets(url: str) -> int:
    """How many MGETs Redis has had since its statistics were reset."""
    async with own_client(url) as redis:
        stats = await redis.info("commandstats")
    return int(stats.get("cmdstat_mget", {"calls": 0})["calls"])


async def test_a_hit_is_told_once_counted_once_and_kept(redis_url: str, clock: StillClock, reader: Process) -> None:
    """What Redis holds is told in a later turn, and memory has it from then on; nothing is loaded."""
    origin = Origin()
    await keep(redis_url, clock, origin, "key")
    question = reader.cache.question("key", origin)
    heard: list[Lookup | None] = []
    assert reader.cache.ask_then(question, heard.append)
    assert [] == heard
    await until(lambda: heard != [])
    (lookup,) = heard
    assert lookup is not None
    assert (Outcome.REDIS_HIT, b"load 1", True) == (lookup.outcome, lookup.value.body, lookup.fresh)
    assert {Outcome.REDIS_HIT: 1} == answers(reader.cache)
    held = reader.cache.peek(question)
    assert held is not None
    assert (Outcome.MEMORY_HIT, lookup.value) == (held.outcome, held.value)
    assert 1 == origin.loads


@pytest.mark.parametrize("kept", ["nothing", "garbage", "past its time"])
async def test_what_redis_cannot_answer_is_told_as_none(
    redis_url: str, clock: StillClock, reader: Process, kept: str
) -> None:
    """Nothing is counted, nothing loaded, and the caller may go on to load."""
    origin = Origin()
    if kept == "garbage":
        async with own_client(redis_url) as redis:
            await redis.set(KEYS.entry("key"), b"another program's value")
    elif kept == "past its time":
        await keep(redis_url, clock, origin, "key")
        clock.now_s += TTL_S + STALE_S
    loads = origin.loads
    question = reader.cache.question("key", origin)
    assert await asked_then(reader.cache, question) is None
    assert ({}, loads) == (answers(reader.cache), origin.loads)
    assert Outcome.MISS is (await reader.cache.ask(question, looked=True)).outcome


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_a_dead_redis_is_told_as_none_in_time(own_redis: StartRedis, clock: StillClock, fault: str) -> None:
    """Every asker hears within the stated wait, and soon nobody waits at all; what memory has is given as stale."""
    server, origin = own_redis(), Origin()
    async with process(server.url(), clock, wait_max_s=REDIS_WAIT_S) as one:
        await asked(one.cache, "held", origin)
        await one.cache.settle()
        async with own_client(server.url()) as redis:
            # By a connection that waits for longer than this process does.
            heard = epoch_of(one.cache)
            await redis.publish(KEYS.notices, b"what nobody can read may have been a notice")
            await until(lambda: epoch_of(one.cache) > heard)
        if fault == "killed":
            server.kill()
        else:
            server.pause()
        for _ in range(3):
            began = time.perf_counter()
            questions = [one.cache.question(f"key {number}", origin) for number in range(20)]
            async with lateness() as late:
                assert [None] * 20 == await asyncio.gather(*(asked_then(one.cache, question) for question in questions))
                took_s = time.perf_counter() - began
            assert took_s < REDIS_WAIT_S + SLACK_S + late.allowed_s, late
        unconfirmed = await asked_then(one.cache, one.cache.question("held", origin))
        assert unconfirmed is not None
        assert Outcome.STALE is unconfirmed.outcome
        if fault == "frozen":
            server.resume()


async def test_what_redis_holds_stale_is_told_and_loaded_once(
    redis_url: str, clock: StillClock, reader: Process
) -> None:
    """Everybody gets the stale entry at once, as stale; behind them runs one load."""
    origin = Origin()
    await keep(redis_url, clock, origin, "key")
    clock.now_s += TTL_S
    question = reader.cache.question("key", origin)
    lookups = await asyncio.gather(*(asked_then(reader.cache, question) for _ in range(ASKERS)))
    assert {(Outcome.STALE, False)} == {(lookup.outcome, lookup.fresh) for lookup in lookups if lookup is not None}
    assert {Outcome.STALE: ASKERS} == answers(reader.cache)
    await until(lambda: "in_flight=0" in repr(reader.cache))
    assert 2 == origin.loads
    held = reader.cache.peek(question)
    assert held is not None
    assert (Outcome.MEMORY_HIT, b"load 2") == (held.outcome, held.value.body)


async def test_without_redis_nobody_is_told() -> None:
    """The caller hears at once that he has to ask otherwise."""
    heard: list[Lookup | None] = []
    cache = cache_with()
    assert not cache.ask_then(cache.question("key", Origin()), heard.append)
    await settle()
    assert [] == heard


async def test_during_a_load_nobody_is_told(reader: Process) -> None:
    """Who comes while the key is being loaded is to share that load, not to ask Redis for what it cannot have yet."""
    origin, heard = Origin(), list[Lookup | None]()
    origin.gate = asyncio.Event()
    question = reader.cache.question("key", origin)
    loading = asyncio.create_task(reader.cache.ask(question))
    await until(lambda: origin.running == 1)
    assert not reader.cache.ask_then(question, heard.append)
    following = asyncio.create_task(reader.cache.ask(question))
    await settle()
    origin.gate.set()
    assert ([False, True], []) == ([one.collapsed for one in await asyncio.gather(loading, following)], heard)
    assert 1 == origin.loads


async def test_one_turn_of_the_loop_is_one_mget(own_redis: StartRedis, clock: StillClock) -> None:
    """Two hundred askers of one key, a hundred of their own each, and as many tasks: Redis is asked once."""
    url, origin = own_redis().url(), Origin()
    keys = [f"key {number}" for number in range(100)]
    await keep(url, clock, origin, "key", *keys[:50])
    async with process(url, clock) as one, own_client(url) as redis:
        await redis.config_resetstat()
        questions = [one.cache.question(key, origin) for key in ["key"] * ASKERS + keys]
        tasks = (one.cache.ask(question) for question in questions[:50])
        answered = await asyncio.gather(*tasks, *(asked_then(one.cache, question) for question in questions))
        assert 1 == await mgets(url)
        expected = [Outcome.REDIS_HIT] * (50 + ASKERS + 50) + [None] * 50
        assert expected == [lookup and lookup.outcome for lookup in answered]


async def test_many_keys_are_divided(own_redis: StartRedis, clock: StillClock) -> None:
    """A thousand keys of one turn are a few MGETs, none of which holds up Redis, and everybody is told of his own."""
    url, origin = own_redis().url(), Origin()
    async with process(url, clock) as one, own_client(url) as redis:
        await keep(url, clock, origin, "key 700")
        await redis.config_resetstat()
        questions = [one.cache.question(f"key {number}", origin) for number in range(1000)]
        heard = await asyncio.gather(*(asked_then(one.cache, question) for question in questions))
        assert [700] == [place for place, lookup in enumerate(heard) if lookup is not None]
        assert 4 <= await mgets(url) <= 5


async def test_a_task_that_leaves_takes_the_answer_from_nobody(
    redis_url: str, clock: StillClock, reader: Process
) -> None:
    """Callbacks and tasks that ask in one turn are told, though some of the tasks are cancelled meanwhile."""
    origin = Origin()
    await keep(redis_url, clock, origin, "key")
    question = reader.cache.question("key", origin)
    leaving = asyncio.create_task(reader.cache.ask(question))
    staying = asyncio.create_task(reader.cache.ask(question))
    await asyncio.sleep(0)
    heard: list[Lookup | None] = []
    for _ in range(3):
        assert reader.cache.ask_then(question, heard.append)
    leaving.cancel()
    assert Outcome.REDIS_HIT is (await staying).outcome
    await until(lambda: len(heard) == 3)
    assert [Outcome.REDIS_HIT] * 3 == [lookup and lookup.outcome for lookup in heard]
    assert leaving.cancelled()


async def test_what_is_started_belongs_to_its_own_asker(redis_url: str, clock: StillClock, reader: Process) -> None:
    """A refresh runs in the context of who was told, not in that of whoever asked first: log lines name a request."""
    asking: ContextVar[str] = ContextVar("asking", default="nobody")
    refreshed_for: list[str] = []
    told_as: list[str] = []

    async def load() -> Value:
        refreshed_for.append(asking.get())
        return Value(b"new")

    await keep(redis_url, clock, Origin(), "key")
    clock.now_s += TTL_S
    question: Question = reader.cache.question("key", load)
    asking.set("the first")
    first = asyncio.create_task(asked(reader.cache, "another", Origin()))
    await asyncio.sleep(0)
    asking.set("the second")
    assert reader.cache.ask_then(question, lambda _: told_as.append(asking.get()))
    asking.set("somebody else")
    await first
    await until(lambda: refreshed_for != [])
    assert (["the second"], ["the second"]) == (told_as, refreshed_for)
