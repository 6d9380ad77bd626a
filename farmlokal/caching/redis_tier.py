"""The second tier: Redis, shared by every process, and never waited for longer than stated."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from farmlokal.caching.entry import Entry, decoded
from farmlokal.caching.redis_keys import entry_key
from farmlokal.resilience.breaker import BreakerOpen, BreakerState, CircuitBreaker
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# Three timeouts in a row cost a request 0.3 s at the default wait; after that nobody waits, and one call a second asks
# whether Redis is back.
_FAILURES_MAX = 3
_OPEN_S = 1.0
_FAILURES = (RedisError, OSError, TimeoutError)

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F")


class SecondTier(Protocol):
    """Where entries are kept beyond the process's memory."""

    def get(self, key: str) -> Coroutine[Any, Any, Entry | None]:
        """The entry of `key`; None where there is none, or the tier cannot say in time."""
        ...

    def put(self, key: str, entry: Entry, *, now: float) -> Coroutine[Any, Any, None]:
        """Keep `entry` until its hard expiry, if the tier can."""
        ...


def fails_open(fallback: F) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T | F]]]:
    """Decorate a RedisTier method: while Redis is away or too slow it returns `fallback`.

    The breaker logs the change of state once; calls that it holds back cost nothing.
    """

    def decorate(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T | F]]:
        @wraps(method)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> T | F:
            tier = cast("RedisTier", args[0])
            try:
                with tier.breaker.call(*_FAILURES):
                    async with asyncio.timeout(tier.wait_max_s):
                        return await method(*args, **kwargs)
            except (BreakerOpen, *_FAILURES):
                return fallback

        return guarded

    return decorate


class RedisTier:
    """Entries in Redis. No method raises: without Redis a read finds nothing and a write keeps nothing.

    wait_max_s: the longest that any one call waits for Redis.
    """

    def __init__(self, redis: Redis, *, wait_max_s: float) -> None:
        self._redis = redis
        self.wait_max_s = wait_max_s
        self.breaker = CircuitBreaker(failures_max=_FAILURES_MAX, open_s=_OPEN_S, on_change=_log_change)
        self._asked: dict[str, asyncio.Future[bytes | None]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<RedisTier {self.breaker!r} asked={len(self._asked)}>"

    @fails_open(None)
    async def get(self, key: str) -> Entry | None:
        """See SecondTier.get. The keys asked for in one turn of the event loop travel as one MGET."""
        raw = await self._ask(entry_key(key))
        return None if raw is None else decoded(raw)

    @fails_open(None)
    async def put(self, key: str, entry: Entry, *, now: float) -> None:
        """See SecondTier.put."""
        lifetime_ms = int((entry.stale_until - now) * 1000)
        if lifetime_ms > 0:
            await self._redis.set(entry_key(key), entry.encoded(), px=lifetime_ms)

    @fails_open(False)
    async def ping(self) -> bool:
        """Whether Redis answers in time."""
        return bool(await cast("Awaitable[Any]", self._redis.ping()))

    async def _ask(self, redis_key: str) -> bytes | None:
        future = self._asked.get(redis_key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._asked[redis_key] = loop.create_future()
            if len(self._asked) == 1:
                loop.call_soon(self._send)
        # Several callers may wait for one answer: the cancellation of one must not take it from the others.
        return await asyncio.shield(future)

    def _send(self) -> None:
        asked, self._asked = self._asked, {}
        task = asyncio.create_task(self._fetch(asked))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _fetch(self, asked: dict[str, asyncio.Future[bytes | None]]) -> None:
        try:
            async with asyncio.timeout(self.wait_max_s):
                answers = await self._redis.mget(list(asked))
        except _FAILURES as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # seen, also where every caller is gone
        else:
            for future, raw in zip(asked.values(), answers, strict=True):
                future.set_result(cast("bytes | None", raw))


def _log_change(state: BreakerState) -> None:
    if state is BreakerState.CLOSED:
        _log.info("redis is back", dependency="redis", breaker=state)
    else:
        _log.warning("redis is away: answering from memory and the origin", dependency="redis", breaker=state)
