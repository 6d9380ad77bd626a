"""Redis dead, killed, frozen, full, and full of garbage, under load: requests are answered, and it recovers by itself.

The stated bounds: no request fails, none waits for Redis more than three times the configured wait, and the 99th
percentile stays within ten times that of a healthy Redis.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.value import Value
from tests.servers import RedisServer
from tests.support.cache import Process, asked, is_listening, process
from tests.support.lateness import lateness
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS
from tests.support.waiting import until

ORIGIN_S = 0.01
REDIS_WAIT_S = 0.1
CLIENTS = 20
FAULT_S = 2.0
# A machine that is not busy may hold up any request for this long; a busy one for longer, which is measured.
SLACK_S = 0.3
TAGS = ("tag",)

Fault = Callable[[RedisServer], contextlib.AbstractAsyncContextManager[None]]


async def load() -> Value:
    """An origin that always answers."""
    await asyncio.sleep(ORIGIN_S)
    return Value(b"row" * 100)


async def requests(one: Process, keys: str, until_s: float) -> list[float]:
    """What each request of some clients took, in seconds: a third of them for new keys. A failure is raised."""
    took: list[float] = []

    async def client(number: int) -> None:
        count = 0
        while time.monotonic() < until_s:
            count += 1
            key = f"{keys} {number} {count}" if count % 3 == 0 else f"{keys} {count % 50}"
            started = time.perf_counter()
            lookup = await asked(one.cache, key, load, tags=TAGS)
            took.append(time.perf_counter() - started)
            assert b"row" * 100 == lookup.value.body
            await asyncio.sleep(0.002)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return sorted(took)


@asynccontextmanager
async def killed(server: RedisServer) -> AsyncIterator[None]:
    """Dead, then there again and empty."""
    server.kill()
    yield
    server.start()


@asynccontextmanager
async def frozen(server: RedisServer) -> AsyncIterator[None]:
    """Connections open, and nothing answers."""
    server.pause()
    yield
    server.resume()


@asynccontextmanager
async def full(server: RedisServer) -> AsyncIterator[None]:
    """No more writes."""
    async with Redis.from_url(server.url()) as redis:
        await redis.config_set("maxmemory", "1")
        yield
        await redis.config_set("maxmemory", "0")


@asynccontextmanager
async def rubbish(server: RedisServer) -> AsyncIterator[None]:
    """Another program writes its own values and types into our keys all the time."""
    enough = asyncio.Event()
    async with Redis.from_url(server.url()) as redis:

        async def write() -> None:
            count = 0
            while not enough.is_set():
                count += 1
                for name in (KEYS.entry(f"fault {count % 50}"), KEYS.lease(f"fault {count % 50}")):
                    await redis.set(name, b"\xff rubbish", keepttl=False)
                with contextlib.suppress(RedisError):
                    await redis.delete(KEYS.generation("tag"))
                    await redis.lpush(KEYS.generation("tag"), "rubbish")
                await asyncio.sleep(0.005)

        writing = asyncio.create_task(write())
        yield
        # Not cancelled: the client may swallow that when it meets an answer.
        enough.set()
        await writing


async def shares_again(one: Process, url: str) -> None:
    """Wait until what this process loads is found by another."""
    numbers = iter(range(10_000))

    async def shared() -> bool:
        key = f"after {next(numbers)}"
        await asked(one.cache, key, load, tags=TAGS)
        await one.cache.settle()
        async with process(url, listening=False) as other:
            return (await asked(other.cache, key, load, tags=TAGS)).outcome is Outcome.REDIS_HIT

    async with asyncio.timeout(10):
        while not await shared():  # noqa: ASYNC110 - nothing sets an event when it is
            await asyncio.sleep(0.1)
    await until(lambda: is_listening(one.cache))


@pytest.mark.parametrize(
    "fault", [killed, *(pytest.param(fault, marks=pytest.mark.proof) for fault in (frozen, full, rubbish))]
)
async def test_a_fault_under_load(own_redis: StartRedis, fault: Fault) -> None:
    """Every request is answered within the stated time, and afterwards Redis is used again without a restart."""
    server = own_redis("--maxmemory-policy", "noeviction")
    async with process(server.url(), wait_max_s=REDIS_WAIT_S) as one:
        healthy = await requests(one, "healthy", time.monotonic() + 1)
        async with fault(server), lateness() as late:
            took = await requests(one, "fault", time.monotonic() + FAULT_S)
        await shares_again(one, server.url())
    slack_s = SLACK_S + late.allowed_s
    assert took[-1] < ORIGIN_S + 3 * REDIS_WAIT_S + slack_s, late
    assert took[int(len(took) * 0.99)] < max(10 * healthy[int(len(healthy) * 0.99)], slack_s), late


async def test_dead_at_the_start(own_redis: StartRedis) -> None:
    """A process that starts before its Redis serves from memory and the origin, and shares once Redis is there."""
    server = own_redis()
    url = server.url()
    server.kill()
    async with process(url, wait_max_s=REDIS_WAIT_S, wait_for_notices=False) as one:
        async with lateness() as late:
            took = await requests(one, "fault", time.monotonic() + 1)
        server.start()
        await shares_again(one, url)
    assert took[-1] < ORIGIN_S + 3 * REDIS_WAIT_S + SLACK_S + late.allowed_s, late


async def test_garbage_in_every_key_is_overwritten(redis_url: str) -> None:
    """One request later the key is a hit for other processes: garbage costs a load, and no more than that."""
    async with Redis.from_url(redis_url) as redis:
        await redis.set(KEYS.entry("key"), b"\x00garbage")
        await redis.set(KEYS.lease("key"), b"somebody for ever")
        await redis.lpush(KEYS.generation("tag"), "not a string")
        await redis.set(KEYS.generation("*"), b"\xff\xfe")
    async with process(redis_url) as one, process(redis_url) as other:
        async with lateness() as late:
            started = time.perf_counter()
            assert Outcome.MISS is (await asked(one.cache, "key", load, tags=TAGS)).outcome
            took_s = time.perf_counter() - started
        assert took_s < 1 + late.allowed_s, late
        await one.cache.settle()
        assert Outcome.REDIS_HIT is (await asked(other.cache, "key", load, tags=TAGS)).outcome
