"""A first tier of no bytes: nothing is kept in the process, and what is said of freshness holds all the same."""

import asyncio

import pytest

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.errors import DatabaseUnavailable
from tests.caching.opened_tier import entry
from tests.support.cache import TTL_S, Origin, asked, asked_then, cache_with, deliver, process
from tests.support.clock import StillClock
from tests.support.own_servers import StartRedis
from tests.support.waiting import settle, until

TAGS = ("tag",)
CALLERS = 50
REDIS_WAIT_S = 0.1


def test_nothing_is_kept() -> None:
    """Whatever is put there is gone at once, and leaves no trace."""
    tier = MemoryTier(0)
    tier.put("key", entry())
    tier.reweigh("key")
    tier.drop("key")
    assert (None, None, []) == (tier.get("key"), tier.peek("key"), tier.hottest(10))
    expected = "<MemoryTier entries=0 bytes=0/0 small_bytes=0 small=0 main=0 ghosts=0>"
    assert (0, 0, expected) == (tier.bytes_held, tier.evictions, repr(tier))


async def test_without_redis_each_question_is_a_load() -> None:
    """Nobody is answered from anywhere; callers of one moment still share one load."""
    origin = Origin()
    cache = cache_with(memory_bytes=0)
    for _ in range(3):
        assert Outcome.MISS is (await asked(cache, "key", origin)).outcome
    assert 3 == origin.loads
    lookups = await asyncio.gather(*(asked(cache, "key", origin) for _ in range(CALLERS)))
    assert [False, *[True] * (CALLERS - 1)] == [lookup.collapsed for lookup in lookups]
    assert 4 == origin.loads


async def test_with_redis_each_answer_comes_from_there(redis_url: str) -> None:
    """One load; from then on every task and every caller that is none gets a hit in Redis."""
    origin = Origin()
    async with process(redis_url, memory_bytes=0) as one:
        assert Outcome.MISS is (await asked(one.cache, "key", origin, tags=TAGS)).outcome
        await one.cache.settle()
        question = one.cache.question("key", origin, TAGS)
        for _ in range(5):
            assert one.cache.peek(question) is None
            for lookup in (await one.cache.ask(question), await asked_then(one.cache, question)):
                assert lookup is not None
                assert (Outcome.REDIS_HIT, b"load 1", True) == (lookup.outcome, lookup.value.body, lookup.fresh)
        assert (1, 10) == (origin.loads, one.cache.counts.answers(Outcome.REDIS_HIT))


@pytest.mark.parametrize("by_itself", [True, False], ids=["itself", "another"])
async def test_what_was_invalidated_is_never_fresh_again(redis_url: str, by_itself: bool) -> None:
    """A process that remembers no page remembers the invalidations: its own at once, another's with the notice."""
    clock, origin = StillClock(), Origin(written="old")
    async with process(redis_url, clock, memory_bytes=0) as reader, process(redis_url, clock) as other:
        await asked(other.cache, "key", origin, tags=TAGS)
        await other.cache.settle()
        assert Outcome.REDIS_HIT is (await asked(reader.cache, "key", origin, tags=TAGS)).outcome
        clock.now_s += 0.001
        origin.written = "new"
        if by_itself:
            await reader.cache.invalidate(TAGS)
        else:
            await deliver(other, [reader], TAGS)
        clock.now_s += 0.001
        lookup = await asked(reader.cache, "key", origin, tags=TAGS)
        assert (b"new" if by_itself else b"old", by_itself) == (lookup.value.body, lookup.fresh)
        await until(lambda: "in_flight=0" in repr(reader.cache))
        await reader.cache.settle()
        lookup = await asked(reader.cache, "key", origin, tags=TAGS)
        assert (b"new", True) == (lookup.value.body, lookup.fresh)


async def test_a_failing_refresh_is_not_paused(redis_url: str) -> None:
    """The limit that the documents state: with nothing to remember a failure by, each stale answer tries again."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock, memory_bytes=0) as without, process(redis_url, clock) as usual:
        await asked(without.cache, "key", origin)
        await without.cache.settle()
        await asked(usual.cache, "key", origin)
        clock.now_s += TTL_S
        origin.fault = DatabaseUnavailable("away")
        for one, attempts in ((without, 5), (usual, 1)):
            origin.loads = 0
            for _ in range(5):
                assert b"load 1" == (await asked(one.cache, "key", origin)).value.body
                await until(lambda cache=one.cache: "in_flight=0" in repr(cache))  # type: ignore[misc]
                await one.cache.settle()
            assert attempts == origin.loads


async def test_with_origin_and_redis_away_nothing_is_left(own_redis: StartRedis) -> None:
    """Where a process with memory would serve what it has, this one has to say that it cannot; and recovers."""
    server, origin = own_redis(), Origin()
    async with process(server.url(), memory_bytes=0, wait_max_s=REDIS_WAIT_S) as one:
        await asked(one.cache, "key", origin)
        await one.cache.settle()
        server.kill()
        origin.fault = DatabaseUnavailable("away")
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await asked(one.cache, "key", origin)
        origin.fault = None
        assert Outcome.MISS is (await asked(one.cache, "key", origin)).outcome
        await settle()
