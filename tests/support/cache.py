"""A cache as one process has it, and an origin that can be watched, held up and made to fail."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from redis.asyncio import Redis

from farmlokal.app.dependencies import redis_client
from farmlokal.caching.loading import _LOADS_IN_A_ROW
from farmlokal.caching.lookup import Lifetime, Loader, Lookup, Question
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import SecondTier
from farmlokal.caching.unheard import LeftTags
from farmlokal.caching.value import Value
from tests.support.clock import StillClock
from tests.support.redis_names import IDENTITY, KEYS
from tests.support.waiting import WAIT_MAX_S, until

TTL_S, STALE_S = 30, 300


class Origin:
    """A loader that counts its runs, and waits or fails when told. Its value can be written."""

    def __init__(self, written: str | None = None) -> None:
        self.written = written
        self.loads = 0
        self.running = 0
        self.most_running = 0
        self.gate: asyncio.Event | None = None
        self.fault: BaseException | None = None

    async def __call__(self) -> Value:
        """What is written at the start of the load; where nothing is, which load it was."""
        self.loads += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        body = (self.written or f"load {self.loads}").encode()
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.fault is not None:
                raise self.fault
        finally:
            self.running -= 1
        return Value(body, (("next", "cursor"),))


def still_lifetime(ttl_s: float = TTL_S, stale_s: float = STALE_S) -> Lifetime:
    """A lifetime without jitter."""
    return Lifetime(ttl_s, stale_s, draw=lambda: 0.5)


def cache_with(
    second: SecondTier | None = None,
    *,
    clock: Callable[[], float] | None = None,
    origin_loads: int = 10,
    slot_wait_max_s: float = 5,
    load_max_s: float = 10,
    refresh_every_s: float = 0,
    lifetime: Lifetime | None = None,
    memory_bytes: int = 2**20,
    hangs: Callable[[], bool] = lambda: False,
    left_tags: LeftTags | None = None,
) -> ReadThrough:
    """A cache of a megabyte, if nothing else is said, whose lifetimes are not jittered.

    Its refreshes begin as they are asked for, unless the test is of their turns.
    """
    return ReadThrough(
        MemoryTier(memory_bytes),
        second,
        lifetime=lifetime or still_lifetime(),
        origin_loads=origin_loads,
        slot_wait_max_s=slot_wait_max_s,
        load_max_s=load_max_s,
        refresh_every_s=refresh_every_s,
        hangs=hangs,
        left_tags=left_tags,
        clock=clock or StillClock(),
        draw=lambda: 0.5,
    )


class Process(NamedTuple):
    """One process among several that share a Redis."""

    cache: ReadThrough
    tier: RedisTier


@asynccontextmanager
async def process(
    url: str,
    clock: Callable[[], float] = time.time,
    *,
    listening: bool = True,
    wait_for_notices: bool = True,
    wait_max_s: float = 5.0,
    tier_type: type[RedisTier] = RedisTier,
    lifetime: Lifetime | None = None,
    memory_bytes: int = 2**20,
    identity: str = IDENTITY,
    hangs: Callable[[], bool] = lambda: False,
    left_tags: LeftTags | None = None,
) -> AsyncIterator[Process]:
    """The cache of one process at the Redis at `url`; listening: it hears the notices of the others.

    identity: of its catalogue. left_tags: where it leaves what it cannot send, and looks for what others could not.
    """
    client = redis_client(url, wait_max_s)
    tier = tier_type(client, identity, wait_max_s=wait_max_s)
    cache = cache_with(
        tier, clock=clock, lifetime=lifetime, memory_bytes=memory_bytes, hangs=hangs, left_tags=left_tags
    )
    try:
        if listening:
            await cache.start()
        if listening and wait_for_notices:
            await until(lambda: is_listening(cache))
        yield Process(cache, tier)
    finally:
        await cache.close()
        await client.aclose()


@asynccontextmanager
async def own_client(url: str) -> AsyncIterator[Redis]:
    """A connection of the test's own."""
    async with Redis.from_url(url) as client:
        yield client


def is_listening(cache: ReadThrough) -> bool:
    """Whether the notices of other processes arrive."""
    return "<NoticeListener listening=True>" in repr(cache)


async def asked(
    cache: ReadThrough, key: str, load: Loader, tags: tuple[str, ...] = (), lifetime: Lifetime | None = None
) -> Lookup:
    """The answer that one caller gets."""
    return await cache.ask(cache.question(key, load, tags, lifetime))


def peeked(cache: ReadThrough, key: str) -> Lookup | None:
    """What memory has of `key`."""
    return cache.peek(cache.question(key, Origin()))


async def asked_then(cache: ReadThrough, question: Question) -> Lookup | None:
    """What a caller that is no task gets of Redis."""
    asker: asyncio.Future[Lookup | None] = asyncio.get_running_loop().create_future()
    assert cache.ask_then(question, asker.set_result)
    async with asyncio.timeout(WAIT_MAX_S):
        return await asker


async def expect_misses(cache: ReadThrough) -> None:
    """Bring a cache to where it loads at once what memory has not: it has loaded so much in a row."""
    for number in range(_LOADS_IN_A_ROW):
        await asked(cache, f"new {number}", Origin())
    await cache.settle()


def epoch_of(cache: ReadThrough) -> int:
    """How much the process has heard."""
    epoch = re.search(r"<TagHistory epoch=(\d+) ", repr(cache))
    assert epoch is not None
    return int(epoch[1])


async def until_heard(one: Process) -> None:
    """Wait until the process, whose clock was moved, has had a sign of life of its Redis since."""
    history = one.cache._history
    await until(lambda: history._heard_until > history._clock())


async def miss_notices(one: Process) -> None:
    """Make the process, and whoever else listens to its Redis, believe that notices were missed."""
    await send_notice(one, b"what nobody can read may have been a notice")


async def send_notice(one: Process, notice: bytes) -> None:
    """Send `notice` to the process, and whoever else listens to its Redis, and wait until it was handled."""
    before = epoch_of(one.cache)
    await one.tier.redis.publish(KEYS.notices, notice)
    await until(lambda: epoch_of(one.cache) > before)


async def deliver(writer: Process, readers: Iterable[Process], tags: tuple[str, ...]) -> None:
    """Invalidate, and wait until every reader has handled the notice."""
    heard = {reader: epoch_of(reader.cache) for reader in readers}
    await writer.cache.invalidate(tags)
    await writer.cache.settle()
    await until(lambda: all(epoch_of(reader.cache) > before for reader, before in heard.items()))
