"""Stale while it is refreshed, stale because the origin fails, early refresh, and what is not there."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from farmlokal.caching.decision import EARLY_SHARE, HOT_HITS
from farmlokal.caching.lookup import Outcome
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.errors import DatabaseUnavailable
from tests.support.cache import (
    STALE_S,
    TTL_S,
    Origin,
    asked,
    cache_with,
    epoch_of,
    process,
    still_lifetime,
    until_heard,
)
from tests.support.clock import StillClock
from tests.support.waiting import settle, until

CALLERS = 50


async def outcome(cache: ReadThrough, origin: Origin) -> Outcome:
    """Where the next caller's answer comes from."""
    return (await asked(cache, "key", origin)).outcome


async def test_stale_callers_do_not_wait() -> None:
    """Past its fresh time an entry is served at once to everybody, while exactly one load runs behind."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin)
    clock.now_s += TTL_S + 1
    origin.gate = asyncio.Event()
    for _ in range(CALLERS):
        lookup = await asked(cache, "key", origin)
        assert (Outcome.STALE, b"load 1", False) == (lookup.outcome, lookup.value.body, lookup.fresh)
    await settle()
    assert 2 == origin.loads
    origin.gate.set()
    await settle()
    assert (Outcome.MEMORY_HIT, 2) == (await outcome(cache, origin), origin.loads)


async def test_a_failing_origin_is_not_asked_by_everybody() -> None:
    """Stale is served and says why; the origin is tried once a second, and is noticed when it is back."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin)
    clock.now_s += TTL_S + 1
    origin.fault = DatabaseUnavailable("away")
    assert Outcome.STALE is await outcome(cache, origin)
    await settle()
    for second in range(5):
        for _ in range(CALLERS):
            assert Outcome.STALE_ERROR is await outcome(cache, origin)
            await settle()
        assert second + 2 == origin.loads
        clock.now_s += 1.01
        assert Outcome.STALE_ERROR is await outcome(cache, origin)
        await settle()
    origin.fault = None
    clock.now_s += 1.01
    await outcome(cache, origin)
    await settle()
    assert Outcome.MEMORY_HIT is await outcome(cache, origin)


async def test_stale_ends_with_its_time() -> None:
    """What is no longer kept is not served, whatever the origin does."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin)
    clock.now_s += TTL_S + STALE_S - 0.1
    origin.fault = DatabaseUnavailable("away")
    assert Outcome.STALE is await outcome(cache, origin)
    await settle()
    clock.now_s += 0.2
    with pytest.raises(DatabaseUnavailable):
        await asked(cache, "key", origin)


async def test_a_bypassed_entry_is_served_when_the_origin_fails() -> None:
    """After a write of our own the old value is kept for the case that nothing better can be had."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin, tags=("tag",))
    clock.now_s += 1
    await cache.invalidate(["tag"])
    origin.fault = DatabaseUnavailable("away")
    for _ in range(CALLERS):
        lookup = await asked(cache, "key", origin, tags=("tag",))
        assert (Outcome.STALE_ERROR, b"load 1") == (lookup.outcome, lookup.value.body)
    assert 2 == origin.loads
    origin.fault = None
    clock.now_s += 1.01
    lookup = await asked(cache, "key", origin, tags=("tag",))
    assert (Outcome.MISS, b"load 3") == (lookup.outcome, lookup.value.body)


async def test_an_error_of_ours_is_logged_and_stale_served() -> None:
    """A refresh that fails for another reason than an origin that is away says so in the log."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin)
    clock.now_s += TTL_S + 1
    origin.fault = ZeroDivisionError("a mistake of ours")
    with capture_logs() as events:
        await outcome(cache, origin)
        await settle()
        assert Outcome.STALE_ERROR is await outcome(cache, origin)
    assert ["refresh failed"] == [event["event"] for event in events]


async def test_a_hot_key_never_turns_stale() -> None:
    """In the last fifth of the fresh time the third hit starts a refresh; nobody ever gets a stale answer."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin)
    for expected_loads in (1, 2, 3):
        clock.now_s += TTL_S * EARLY_SHARE - 0.1
        for _ in range(CALLERS):
            assert Outcome.MEMORY_HIT is await outcome(cache, origin)
        await settle()
        assert expected_loads == origin.loads
        clock.now_s += 0.2
        for _ in range(HOT_HITS + CALLERS):
            assert Outcome.MEMORY_HIT is await outcome(cache, origin)
        await settle()
        assert expected_loads + 1 == origin.loads


async def test_a_cold_key_is_not_refreshed() -> None:
    """Fewer hits than make a key hot start nothing."""
    clock, origin = StillClock(), Origin()
    cache = cache_with(clock=clock)
    await asked(cache, "key", origin)
    clock.now_s += TTL_S * EARLY_SHARE + 0.1
    for _ in range(HOT_HITS - 1):
        assert Outcome.MEMORY_HIT is await outcome(cache, origin)
    await settle()
    assert 1 == origin.loads


async def test_an_early_refresh_of_another_process_is_enough(redis_url: str) -> None:
    """Where another process has refreshed the key already, its entry is taken over without a load."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as one, process(redis_url, clock) as other:
        for each in (one, other):
            await asked(each.cache, "key", origin)
            await each.cache.settle()
        clock.now_s += TTL_S * EARLY_SHARE + 0.1
        for each in (one, other):
            await until_heard(each)
            for _ in range(HOT_HITS):
                assert Outcome.MEMORY_HIT is await outcome(each.cache, origin)
            await until(lambda each=each: "in_flight=0" in repr(each.cache))  # type: ignore[misc]
            await each.cache.settle()
            assert b"load 2" == (await asked(each.cache, "key", origin)).value.body
        assert 2 == origin.loads


async def test_what_is_not_there_is_remembered_for_a_short_time(redis_url: str) -> None:
    """A negative value is a negative hit in every process, is never stale, and gives way to a write."""
    clock = StillClock()
    lifetime = replace(still_lifetime(), negative_s=5)
    loads = 0
    there = False

    async def load() -> Value:
        nonlocal loads
        loads += 1
        return Value(b"here it is") if there else Value(b"no such thing", negative=True)

    async with (
        process(redis_url, clock, lifetime=lifetime) as one,
        process(redis_url, clock, lifetime=lifetime) as other,
    ):
        assert Outcome.MISS is (await asked(one.cache, "key", load, tags=("tag",))).outcome
        await one.cache.settle()
        for each in (one, other, one, other):
            lookup = await asked(each.cache, "key", load, tags=("tag",))
            assert (Outcome.NEGATIVE_HIT, True) == (lookup.outcome, lookup.value.negative)
        assert 1 == loads
        clock.now_s += 5
        assert Outcome.MISS is (await asked(one.cache, "key", load, tags=("tag",))).outcome
        there = True
        await other.cache.invalidate(["tag"])
        await other.cache.settle()
        await until(lambda: epoch_of(one.cache) > 1)
        lookup = await asked(one.cache, "key", load, tags=("tag",))
        assert (Outcome.MISS, b"here it is") == (lookup.outcome, lookup.value.body)


async def test_without_redis_a_write_is_seen_at_once() -> None:
    """A process alone keeps the same rule: after a write its readers get the new value."""
    clock, origin = StillClock(), Origin("old")
    cache = cache_with(clock=clock)
    for number in range(5):
        await asked(cache, "key", origin, tags=("tag",))
        clock.now_s += 0.01
        origin.written = f"new {number}"
        await cache.invalidate(["tag"])
        clock.now_s += 0.01
        lookup = await asked(cache, "key", origin, tags=("tag",))
        assert (Outcome.MISS, origin.written.encode()) == (lookup.outcome, lookup.value.body)
