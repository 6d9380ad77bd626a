"""The read-through cache: where answers come from, how many loads there are, and what a failing load leaves behind."""

import asyncio

import pytest

from farmlokal.caching import read_through
from farmlokal.caching.lookup import Lifetime, Outcome
from farmlokal.caching.value import Value
from farmlokal.errors import DatabaseUnavailable, OriginBusy
from tests.caching.hanging import HangingTier
from tests.support.cache import STALE_S, TTL_S, Origin, asked, cache_with, own_client, process
from tests.support.clock import StillClock
from tests.support.redis_names import KEYS
from tests.support.waiting import settle, until

CALLERS = 200


async def test_a_miss_loads_and_a_hit_does_not() -> None:
    """The first caller's load answers everybody; once stale it is served while one load runs behind."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    first = await asked(cache, "key", origin)
    assert (Outcome.MISS, b"load 1", False) == (first.outcome, first.value.body, first.collapsed)
    assert clock.now_s + TTL_S == first.fresh_until
    clock.now_s += TTL_S - 0.1
    second = await asked(cache, "key", origin)
    assert (Outcome.MEMORY_HIT, first.value) == (second.outcome, second.value)
    clock.now_s += 0.1
    third = await asked(cache, "key", origin)
    assert (Outcome.STALE, b"load 1") == (third.outcome, third.value.body)
    await settle()
    fourth = await asked(cache, "key", origin)
    assert (Outcome.MEMORY_HIT, b"load 2", 2) == (fourth.outcome, fourth.value.body, origin.loads)


async def test_an_answer_that_is_given_again_is_steady() -> None:
    """From the second hit on, also after an invalidation of something else; never a miss or what is stale."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    lookups = [await asked(cache, "key", origin, tags=("tag",)) for _ in range(3)]
    await cache.invalidate(["another tag"])
    lookups.append(await asked(cache, "key", origin, tags=("tag",)))
    assert [False, False, True, True] == [lookup.steady for lookup in lookups]
    assert lookups[2] is lookups[3]
    clock.now_s += TTL_S
    stale = await asked(cache, "key", origin, tags=("tag",))
    assert (Outcome.STALE, False) == (stale.outcome, stale.steady)


async def test_a_call_may_name_its_own_lifetime() -> None:
    """A key that changes seldom is kept longer than the others."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin, lifetime=Lifetime(1000, 0, draw=lambda: 0.5))
    clock.now_s += 999
    assert Outcome.MEMORY_HIT is (await asked(cache, "key", origin)).outcome


async def test_a_stampede_is_one_load() -> None:
    """Callers that come while a load is under way share it, and say so; without the cache each would load."""
    alone = Origin()
    await asyncio.gather(*(alone() for _ in range(CALLERS)))
    assert CALLERS == alone.loads

    origin = Origin()
    origin.gate = asyncio.Event()
    cache = cache_with()
    calls = [asyncio.create_task(asked(cache, "key", origin)) for _ in range(CALLERS)]
    await settle()
    origin.gate.set()
    lookups = await asyncio.gather(*calls)
    assert (1, {b"load 1"}) == (origin.loads, {lookup.value.body for lookup in lookups})
    assert [False, *[True] * (CALLERS - 1)] == [lookup.collapsed for lookup in lookups]


async def test_cancelled_callers_lose_nobodys_load() -> None:
    """With every caller gone the load ends in the cache, its slot is free again, and the next caller gets a hit."""
    origin = Origin()
    origin.gate = asyncio.Event()
    cache = cache_with(origin_loads=1)
    calls = [asyncio.create_task(asked(cache, "key", origin)) for _ in range(3)]
    await settle()
    for call in calls:
        call.cancel()
    await settle()
    origin.gate.set()
    await settle()
    assert Outcome.MEMORY_HIT is (await asked(cache, "key", origin)).outcome
    assert Outcome.MISS is (await asked(cache, "other", origin)).outcome
    assert "<SingleFlight in_flight=0>" in repr(cache)


async def test_a_failed_load_reaches_every_caller_and_stays_nowhere() -> None:
    """All hear of it, nothing of it is kept, and its slot is free for the next load."""
    origin = Origin()
    origin.fault = DatabaseUnavailable("away")
    cache = cache_with(origin_loads=1)
    for _ in range(3):
        failures = await asyncio.gather(*(asked(cache, "key", origin) for _ in range(5)), return_exceptions=True)
        assert [origin.fault] * 5 == failures
    assert 3 == origin.loads
    origin.fault = None
    assert Outcome.MISS is (await asked(cache, "key", origin)).outcome


async def test_loads_at_once_are_bounded() -> None:
    """However many keys are missing, the origin has no more loads at once than it was given slots."""
    origin = Origin()
    origin.gate = asyncio.Event()
    cache = cache_with(origin_loads=3)
    calls = [asyncio.create_task(asked(cache, str(number), origin)) for number in range(50)]
    await settle()
    assert 3 == origin.running
    origin.gate.set()
    assert {Outcome.MISS} == {lookup.outcome for lookup in await asyncio.gather(*calls)}
    assert (50, 3) == (origin.loads, origin.most_running)


async def test_a_load_that_finds_no_slot_is_refused_in_time() -> None:
    """Where every slot stays taken a caller hears so, and when to come back, instead of queueing for ever."""
    origin = Origin()
    origin.gate = asyncio.Event()
    cache = cache_with(origin_loads=1, slot_wait_max_s=0.05)
    holding = asyncio.create_task(asked(cache, "slow", origin))
    await settle()
    with pytest.raises(OriginBusy) as caught:
        await asked(cache, "other", origin)
    assert caught.value.retry_after_s >= 1
    origin.gate.set()
    await holding
    assert Outcome.MISS is (await asked(cache, "other", origin)).outcome


@pytest.mark.parametrize(("writes", "loads", "fresh"), [(0, 1, True), (1, 2, True), (2, 3, True), (3, 3, False)])
async def test_a_value_that_a_write_overtakes_is_loaded_again(writes: int, loads: int, fresh: bool) -> None:
    """A caller waits for the next load, three of them at most; the last one's value is not called fresh."""
    cache, origin = cache_with(), Origin()

    async def load() -> Value:
        value = await origin()
        if origin.loads <= writes:
            await cache.invalidate(["tag"])
        return value

    lookup = await asked(cache, "key", load, tags=("tag",))
    expected = (Outcome.MISS, f"load {loads}".encode(), fresh, fresh)
    assert expected == (lookup.outcome, lookup.value.body, lookup.stored, lookup.fresh)
    assert loads == origin.loads


async def test_a_refresh_loads_what_is_still_fresh() -> None:
    """Background work renews an entry before it expires; callers meanwhile are served the old one."""
    origin = Origin()
    cache = cache_with()
    await cache.refresh(cache.question("key", origin))
    origin.gate = asyncio.Event()
    refreshing = asyncio.create_task(cache.refresh(cache.question("key", origin)))
    await settle()
    assert b"load 1" == (await asked(cache, "key", origin)).value.body
    origin.gate.set()
    await refreshing
    assert b"load 2" == (await asked(cache, "key", origin)).value.body


async def test_no_caller_waits_for_the_second_tier_to_write() -> None:
    """A write that hangs delays no answer, and closing gives up on it after a bounded time."""
    cache = cache_with(HangingTier())
    async with asyncio.timeout(10):
        assert Outcome.MISS is (await asked(cache, "key", Origin())).outcome
    assert "<Loading writes=1>" in repr(cache)


async def test_closing_ends_a_write_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopping process waits for what it writes behind, for the stated time and no longer."""
    monkeypatch.setattr(read_through, "_DRAIN_WAIT_MAX_S", 0.05)
    cache = cache_with(HangingTier())
    await asked(cache, "key", Origin())
    await cache.close()
    await settle()
    assert "<Loading writes=0>" in repr(cache)


async def test_the_second_process_gets_what_the_first_loaded(redis_url: str) -> None:
    """An entry from Redis is a hit without a load, and expires when it would have for the process that loaded it."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as first:
        loaded = await asked(first.cache, "key", origin)
    clock.now_s += 20
    async with process(redis_url, clock) as second:
        found = await asked(second.cache, "key", origin)
        again = await asked(second.cache, "key", origin)
        assert (Outcome.REDIS_HIT, Outcome.MEMORY_HIT) == (found.outcome, again.outcome)
        assert loaded[:3] == found[:3] == again[:3]
        clock.now_s += TTL_S - 20
        assert Outcome.STALE is (await asked(second.cache, "key", origin)).outcome
        await until(lambda: origin.loads == 2)


async def test_what_redis_holds_stale_is_served_as_stale(redis_url: str) -> None:
    """A process that never had the entry serves the old one at once, as stale, and loads it behind for all."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as first:
        await asked(first.cache, "key", origin)
    clock.now_s += TTL_S
    async with process(redis_url, clock) as second:
        found = await asked(second.cache, "key", origin)
        assert (Outcome.STALE, b"load 1") == (found.outcome, found.value.body)
    async with process(redis_url, clock) as third:
        found = await asked(third.cache, "key", origin)
        assert (Outcome.REDIS_HIT, b"load 2") == (found.outcome, found.value.body)


async def test_past_its_stale_time_nothing_is_served(redis_url: str) -> None:
    """An entry that may no longer be served is loaded anew while the caller waits."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as one:
        await asked(one.cache, "key", origin)
        clock.now_s += TTL_S + STALE_S
        found = await asked(one.cache, "key", origin)
        assert (Outcome.MISS, b"load 2") == (found.outcome, found.value.body)


async def test_garbage_in_redis_is_replaced_by_a_load(redis_url: str) -> None:
    """What cannot be read is a miss, and the load's entry takes its place."""
    clock, origin = StillClock(), Origin()
    async with own_client(redis_url) as redis:
        await redis.set(KEYS.entry("key"), b"another program's value")
    async with process(redis_url, clock) as first:
        assert Outcome.MISS is (await asked(first.cache, "key", origin)).outcome
    async with process(redis_url, clock) as second:
        assert Outcome.REDIS_HIT is (await asked(second.cache, "key", origin)).outcome


async def test_callers_share_one_look_at_redis(redis_url: str) -> None:
    """Callers that come together are all hits in Redis: none of them loads."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as first:
        await asked(first.cache, "key", origin)
    async with process(redis_url, clock) as second:
        lookups = await asyncio.gather(*(asked(second.cache, "key", origin) for _ in range(CALLERS)))
    assert {Outcome.REDIS_HIT} == {lookup.outcome for lookup in lookups}
    assert 1 == origin.loads
