"""Writes that may yet take effect: until that is decided nothing that they touch is called fresh, in any process."""

import asyncio

import pytest
from redis.asyncio import Redis

from farmlokal.caching.loading import Loading
from tests.support.cache import Origin, Process, asked, cache_with, deliver, own_client, process
from tests.support.clock import StillClock
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS
from tests.support.waiting import eventually, until

TAGS = ("products",)
GENERATION = KEYS.generation("products")


async def page(one: Process, origin: Origin) -> tuple[bytes, bool]:
    """What a caller gets of a page that nobody has in memory, and whether it is called fresh."""
    lookup = await asked(one.cache, "page", origin, TAGS)
    return lookup.value.body, lookup.fresh


async def begin_doubt(one: Process, redis: Redis) -> asyncio.Event:
    """Have a write of `one` in doubt, and wait until Redis knows of it. Returns what decides it."""
    decided = asyncio.Event()
    before = await redis.get(GENERATION)
    await one.cache.invalidate(TAGS, until=decided)
    await eventually(lambda: redis.get(GENERATION), lambda held: held != before)
    return decided


async def test_what_is_loaded_meanwhile_is_not_fresh() -> None:
    """It is given out as stale, and tried again once a second; what is loaded afterwards is fresh."""
    clock, origin, decided = StillClock(), Origin("old"), asyncio.Event()
    cache = cache_with(clock=clock)
    await cache.invalidate(TAGS, until=decided)
    for _ in range(3):
        lookup = await asked(cache, "page", origin, TAGS)
        assert (b"old", False) == (lookup.value.body, lookup.fresh)
    assert 1 == origin.loads
    origin.written = "new"
    decided.set()
    await until(lambda: "doubts=0" in repr(cache))
    clock.now_s += 0.001
    lookup = await asked(cache, "another page", origin, TAGS)
    assert (b"new", True) == (lookup.value.body, lookup.fresh)
    await cache.close()


@pytest.mark.parametrize("guarded", [False, True])
async def test_no_process_calls_fresh_what_a_write_may_yet_change(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """The COMMIT takes effect after others have loaded: without the guard they go on calling the old page fresh."""
    if not guarded:
        monkeypatch.setattr(Loading, "_in_doubt", lambda *_: False)
    origin = Origin("old")
    async with (
        own_client(redis_url) as redis,
        process(redis_url) as writer,
        process(redis_url) as reader,
        process(redis_url, listening=False) as later,
    ):
        assert (b"old", True) == await page(reader, origin)
        decided = await begin_doubt(writer, redis)
        for one in (reader, later, writer):
            await eventually(lambda one=one: page(one, origin), lambda found: found == (b"old", not guarded))  # type: ignore[misc]
        origin.written = "new"  # the COMMIT has taken effect, and nobody here knows it
        for one in (reader, later, writer):
            body, fresh = await page(one, origin)
            assert not fresh if guarded else (b"old", True) == (body, fresh)
        decided.set()
        await eventually(lambda: page(reader, origin), lambda found: found == (b"new", True))


async def test_who_heard_of_the_doubt_needs_no_redis(own_redis: StartRedis) -> None:
    """A Redis that comes back empty says nothing of it; who was told remembers."""
    server, origin = own_redis(), Origin("old")
    async with process(server.url()) as writer, process(server.url()) as reader:
        async with own_client(server.url()) as redis:
            await begin_doubt(writer, redis)
        await until(lambda: reader.cache._history.in_doubt(TAGS))
        server.restart()
        body, fresh = await page(reader, origin)
        assert (b"old", False) == (body, fresh)


async def test_a_doubt_ends_with_its_own_write(redis_url: str) -> None:
    """Another write in doubt, or one that took effect, does not end it."""
    origin = Origin("old")
    async with own_client(redis_url) as redis, process(redis_url) as one, process(redis_url) as other:
        first = await begin_doubt(one, redis)
        second = await begin_doubt(other, redis)
        first.set()
        await until(lambda: "doubts=0" in repr(one.cache))
        await deliver(one, [other], TAGS)
        for process_ in (one, other):
            assert (b"old", False) == await page(process_, origin)
        second.set()
        await until(lambda: "doubts=0" in repr(other.cache))
        assert (b"old", True) == await eventually(lambda: page(one, origin), lambda found: found[1])


async def test_a_process_that_ends_leaves_its_doubt(redis_url: str) -> None:
    """Nobody is left to see what comes of the write: it is in doubt for one fresh time, and then no longer."""
    origin = Origin("old")
    async with own_client(redis_url) as redis, process(redis_url) as reader:
        async with process(redis_url) as writer:
            await begin_doubt(writer, redis)
        await until(lambda: reader.cache._history.in_doubt(TAGS))
        assert (b"old", False) == await page(reader, origin)
        left_s = await redis.pttl(GENERATION) / 1000
        assert 0 < left_s <= reader.cache._lifetime.fresh_max_s
        await redis.delete(GENERATION)  # as when that is over
        async with process(redis_url) as later:
            assert (b"old", True) == await page(later, origin)
