"""Runs in the process for load: each cache asked in the same way for the same thing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import aiocache
import uvloop
from cashews import Cache
from redis.asyncio import Redis

from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.value import Value

# What is measured, and beside what.
MEASURED = {
    "memory hit": ("coroutine", "cashews", "aiocache"),
    "redis hit": ("redis-py", "cashews", "aiocache"),
    "miss": ("cashews", "aiocache"),
    "stampede": ("cashews", "aiocache"),
}
Rates = dict[str, dict[str, float]]
Ask = Callable[[str], Awaitable[object]]

_BODY = b"x" * 5000  # a page of twenty products
_AT_ONCE = 32
_CALLERS = 1000
_LOAD_S = 0.01
_LIFETIME = Lifetime(ttl_s=3600, stale_s=3600)
_WAIT_MAX_S = 5.0
# The others take a connection for each call under way.
_CONNECTIONS_MAX = _CALLERS + 100


def measure(redis_url: str, seconds: float) -> Rates:
    """Calls a second of each case and each cache."""
    return uvloop.run(_measure(redis_url, seconds))


async def _measure(redis_url: str, seconds: float) -> Rates:
    rates: Rates = {}
    async with _asks(redis_url, memory=True) as asks:
        rates["memory hit"] = {name: await _hits(ask, seconds, at_once=1) for name, ask in asks.items()}
    async with _asks(redis_url, memory=False) as asks:
        rates["redis hit"] = {name: await _hits(ask, seconds, at_once=_AT_ONCE) for name, ask in asks.items()}
        asks.pop("redis-py")
        rates["miss"] = {name: await _misses(ask, seconds) for name, ask in asks.items()}
    async with _asks(redis_url, memory=False, load_s=_LOAD_S) as asks:
        asks.pop("redis-py")
        rates["stampede"] = {name: await _stampedes(ask, seconds) for name, ask in asks.items()}
    return rates


async def _hits(ask: Ask, seconds: float, *, at_once: int) -> float:
    await ask("hot")
    return await _rate(lambda: ask("hot"), seconds, at_once)


async def _misses(ask: Ask, seconds: float) -> float:
    number = count(time.time_ns())
    return await _rate(lambda: ask(f"cold {next(number)}"), seconds, _AT_ONCE)


async def _stampedes(ask: Ask, seconds: float) -> float:
    number = count(time.time_ns())
    began, asked = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        key = f"stampede {next(number)}"
        await asyncio.gather(*[ask(key) for _ in range(_CALLERS)])
        asked += _CALLERS
    return asked / (time.perf_counter() - began)


async def _rate(call: Callable[[], Awaitable[object]], seconds: float, at_once: int) -> float:
    calls = 0
    began = time.perf_counter()

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() - began < seconds:
            # Looking at the clock costs as much as a memory hit.
            for _ in range(20):
                await call()
            calls += 20

    await asyncio.gather(*[caller() for _ in range(at_once)])
    return calls / (time.perf_counter() - began)


@asynccontextmanager
async def _asks(redis_url: str, *, memory: bool, load_s: float = 0.0) -> AsyncIterator[dict[str, Ask]]:
    """A function for each cache that asks it for a key; empty caches.

    memory: from the process's memory alone; else from Redis alone.
    """

    async def load(_: str) -> bytes:
        if load_s:
            await asyncio.sleep(load_s)
        return _BODY

    async with AsyncExitStack() as stack:
        redis = Redis.from_url(redis_url)
        stack.push_async_callback(redis.aclose)
        await redis.flushdb()
        yield {
            "farmlokal": await _ours(stack, redis, memory=memory, load=load),
            "cashews": await _cashews(stack, redis_url, memory=memory, load=load),
            "aiocache": _aiocache(redis, memory=memory, load=load),
            **({"coroutine": _coroutine()} if memory else {"redis-py": await _redis_py(redis)}),
        }


async def _ours(stack: AsyncExitStack, redis: Redis, *, memory: bool, load: Callable[[str], Awaitable[bytes]]) -> Ask:
    # Redis alone: a memory that is too small for even one entry.
    tier = MemoryTier(64 * 2**20 if memory else 1024)
    second = None if memory else RedisTier(redis, "bench", wait_max_s=_WAIT_MAX_S)
    cache = ReadThrough(tier, second, lifetime=_LIFETIME, origin_loads=_AT_ONCE)
    await cache.start()
    stack.push_async_callback(cache.close)

    async def ask(key: str) -> object:
        async def value() -> Value:
            return Value(await load(key))

        return await cache.ask(cache.question(key, value))

    return ask


async def _cashews(
    stack: AsyncExitStack, redis_url: str, *, memory: bool, load: Callable[[str], Awaitable[bytes]]
) -> Ask:
    cache = Cache()
    cache.setup("mem://") if memory else cache.setup(redis_url, max_connections=_CONNECTIONS_MAX)
    stack.push_async_callback(cache.close)

    @cache(ttl="1h", key="cashews:{key}", lock=True)
    async def ask(key: str) -> bytes:
        return await load(key)

    return ask


def _aiocache(redis: Redis, *, memory: bool, load: Callable[[str], Awaitable[bytes]]) -> Ask:
    options: dict[str, Any] = {"cache": aiocache.SimpleMemoryCache}
    if not memory:
        place = redis.connection_pool.connection_kwargs
        options = {
            "cache": aiocache.RedisCache,
            "endpoint": place["host"],
            "port": place["port"],
            "db": place.get("db", 0),
            "pool_max_size": _CONNECTIONS_MAX,
            "serializer": aiocache.serializers.PickleSerializer(),
        }

    @aiocache.cached_stampede(lease=2, ttl=3600, key_builder=lambda _, key: f"aiocache:{key}", **options)  # type: ignore[untyped-decorator]
    async def ask(key: str) -> bytes:
        return await load(key)

    return ask  # type: ignore[no-any-return]


def _coroutine() -> Ask:
    kept = {"hot": _BODY}

    async def ask(key: str) -> object:
        return kept[key]

    return ask


async def _redis_py(redis: Redis) -> Ask:
    await redis.set("plain:hot", _BODY)

    async def ask(key: str) -> object:
        return await redis.get(f"plain:{key}")

    return ask
