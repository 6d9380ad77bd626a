"""The second tier, on a real Redis: lifetimes, batching, and what happens without it."""

import asyncio

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from farmlokal.caching.entry import COMPRESS_FROM_BYTES
from farmlokal.caching.redis.keys import GENERATION_MS
from farmlokal.resilience.breaker import BreakerState
from tests.caching.opened_tier import SHORT_WAIT_S, TAGS, entry, opened
from tests.support.lateness import within
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS
from tests.support.waiting import eventually


def changes(events: list[EventDict]) -> list[str]:
    """The states of the breaker that were logged."""
    return [str(event["breaker"]) for event in events]


@pytest.mark.parametrize("size", [4, COMPRESS_FROM_BYTES + 1])
async def test_an_entry_is_kept_until_its_hard_expiry(redis_url: str, size: int) -> None:
    """What is written comes back whole, deflated or not, and Redis forgets it when it may no longer be served."""
    kept = entry(b"b" * size, lifetime_s=60)
    async with opened(redis_url) as at:
        assert await at.keep(kept)
        assert kept == await at.entry()
        assert await at.redis.strlen(KEYS.entry("key")) < 400
        assert 50_000 < await at.redis.pttl(KEYS.entry("key")) <= 60_000
        assert await at.entry("other") is None
        assert await at.tier.ping() is True
        expected = "<RedisTier <CircuitBreaker closed failures=0 probing=False> <BatchedReads asked=0 sending=0>"
        assert repr(at.tier).startswith(expected)


async def test_generations_outlive_the_entries_that_remember_them(redis_url: str) -> None:
    """A reading brings the entry and its tags' generations; keeping a long-lived entry prolongs theirs."""
    async with opened(redis_url) as at:
        before = await at.tier.read("key", TAGS)
        assert before is not None
        assert (None, (None, None)) == before
        kept = entry(lifetime_s=10 * GENERATION_MS / 1000)
        await at.keep(kept)
        after = await at.tier.read("key", TAGS)
        assert after is not None
        assert (kept, kept.generations) == after
        assert await at.redis.pttl(KEYS.generation("one")) > 9 * GENERATION_MS


async def test_an_entry_past_its_expiry_is_not_written(redis_url: str) -> None:
    """A lifetime of nothing is not sent to Redis, which would call it an error; the lease ends all the same."""
    kept = entry(lifetime_s=60)
    async with opened(redis_url) as at:
        for past_s in (0, 100):
            assert not await at.tier.store(await at.lease(), kept, now=kept.stale_until + past_s)
        assert not await at.redis.exists(KEYS.entry("key"), KEYS.lease("key"))
        assert BreakerState.CLOSED is at.tier.breaker.state


@pytest.mark.parametrize("garbage", [b"", b"hello", b"[]\n", b"[99,1,2,3,0,[]]\nbody", b"\xff" * 1000])
async def test_garbage_in_our_keys_is_a_miss(redis_url: str, garbage: bytes) -> None:
    """What somebody else wrote in any of our keys is not served, is no failure of Redis, and is overwritten."""
    async with opened(redis_url) as at:
        for name in (KEYS.entry("key"), KEYS.generation("one"), KEYS.lease("key")):
            await at.redis.set(name, garbage)
        for name in (KEYS.entry("list"), KEYS.generation("two"), KEYS.lease("list")):
            await at.redis.lpush(name, "x")
        for key in ("key", "list") * 3:
            assert await at.entry(key) is None
        for key in ("key", "list"):
            assert await at.keep(kept := entry(), key)
            assert kept == await at.entry(key)
        assert BreakerState.CLOSED is at.tier.breaker.state


async def test_concurrent_reads_travel_together(own_redis: StartRedis) -> None:
    """A thousand reads in one turn of the event loop are one MGET, each answered with its own entry."""
    server = own_redis()
    async with opened(server.url()) as at:
        for number in range(0, 100, 2):
            await at.keep(entry(str(number).encode()), str(number))
        await at.redis.config_resetstat()
        asked = [str(number % 100) for number in range(1000)]
        found = await asyncio.gather(*(at.entry(key) for key in asked))
        expected = [key.encode() if int(key) % 2 == 0 else None for key in asked]
        assert expected == [None if one is None else one.value.body for one in found]
        stats = await at.redis.info("commandstats")
        assert 1 == stats["cmdstat_mget"]["calls"]
        assert "cmdstat_get" not in stats


async def test_a_big_batch_is_divided(own_redis: StartRedis) -> None:
    """Ten thousand keys are asked for in pieces that do not hold up Redis."""
    server = own_redis()
    async with opened(server.url(), wait_max_s=5) as at:
        await asyncio.gather(*(at.entry(str(number)) for number in range(10_000)))
        stats = await at.redis.info("commandstats")
        assert 39 < stats["cmdstat_mget"]["calls"] < 50


async def test_a_cancelled_reader_takes_the_answer_from_nobody(redis_url: str) -> None:
    """Of several readers of one key one may leave; the others get the entry."""
    kept = entry()
    async with opened(redis_url) as at:
        await at.keep(kept)
        readers = [asyncio.create_task(at.entry()) for _ in range(3)]
        await asyncio.sleep(0)
        readers[0].cancel()
        assert [kept, kept] == await asyncio.gather(*readers[1:])
        assert readers[0].cancelled()


async def test_three_failures_open_the_breaker_and_one_success_closes_it(own_redis: StartRedis) -> None:
    """Redis killed: nothing is found and nothing raised; then it is left alone; restarted, it is used again."""
    server = own_redis()
    kept = entry()
    async with opened(server.url()) as at:
        lease = await at.lease()
        with capture_logs() as events:
            server.kill()
            for _ in range(2):
                assert await at.tier.read("key", TAGS) is None
                assert BreakerState.CLOSED is at.tier.breaker.state
            assert await at.tier.read("key", TAGS) is None
            assert BreakerState.OPEN is at.tier.breaker.state
            async with within(1):
                for _ in range(1000):
                    assert await at.tier.read("key", TAGS) is None
                    assert await at.tier.acquire("key", TAGS) is None
                    assert not await at.tier.store(lease, kept, now=kept.loaded_at)
            assert await at.tier.ping() is False
            server.start()
            async with asyncio.timeout(20):
                while changes(events)[-1] != BreakerState.CLOSED:
                    await at.tier.read("key", TAGS)
                    await asyncio.sleep(0.02)
            assert await at.keep(kept)
            assert kept == await at.entry()
        assert ["open", "closed"] == changes(events)


async def test_a_frozen_redis_is_waited_for_as_long_as_stated(own_redis: StartRedis) -> None:
    """A read, a lease and a ping each end within the stated wait and find nothing."""
    server = own_redis()
    async with opened(server.url()) as patient:
        await patient.keep(entry())
    async with opened(server.url(), SHORT_WAIT_S) as at:
        # Connected, however busy the machine is.
        await eventually(at.entry, lambda found: found is not None)
        server.pause()
        for waiting in (at.tier.read("key", TAGS), at.tier.acquire("key", TAGS), at.tier.ping()):
            async with within(SHORT_WAIT_S + 1):
                assert not await waiting
        assert BreakerState.OPEN is at.tier.breaker.state
        server.resume()


async def test_a_full_redis_is_still_read_and_still_invalidates(own_redis: StartRedis) -> None:
    """Where Redis takes no more writes nothing is raised, what it holds is found, and a write makes it stale."""
    server = own_redis("--maxmemory-policy", "noeviction")
    kept = entry()
    async with opened(server.url()) as at:
        await at.keep(kept)
        lease = await at.lease("new")
        with capture_logs() as events:
            await at.redis.config_set("maxmemory", "1")
            for _ in range(5):
                assert not await at.tier.store(lease, kept, now=kept.loaded_at)
                assert await at.tier.acquire("another", TAGS) is None
                assert kept == await at.entry()
            assert await at.tier.release(lease)
            assert await at.tier.invalidate(["one"], "somebody")
            reading = await at.tier.read("key", TAGS)
            assert reading is not None
            assert (None, kept.generations[1]) == reading.generations
            assert BreakerState.CLOSED is at.tier.breaker.state
            await at.redis.config_set("maxmemory", "0")
            assert await at.keep(kept)
            await asyncio.sleep(1.1)  # a success right after a refusal proves nothing yet
            assert await at.keep(kept)
        assert ["warning", "info"] == [event["log_level"] for event in events]
