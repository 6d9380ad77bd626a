"""The read-through cache: memory, then Redis, then the caller's loader, one load per key at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from farmlokal.caching.entry import Entry, Value
from farmlokal.caching.lifetime import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.redis_tier import SecondTier
from farmlokal.errors import OriginBusy
from farmlokal.resilience.single_flight import SingleFlight

Loader = Callable[[], Awaitable[Value]]

# A miss that finds no free slot within this time is refused: by then the origin is a queue that only grows.
_ORIGIN_WAIT_MAX_S = 5
_DRAIN_WAIT_MAX_S = 5


class Outcome(StrEnum):
    """Where an answer came from."""

    MEMORY_HIT = "memory"
    REDIS_HIT = "redis"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Lookup:
    """An answer of the cache: the entry, where it came from, and whether another caller's load brought it."""

    entry: Entry
    outcome: Outcome
    collapsed: bool = False
    load_s: float = 0.0


class ReadThrough:
    """Answers from `memory`, then from `second` where there is one, then by calling the loader.

    origin_loads: how many loaders run at once. clock: wall seconds, because entries are shared between processes.
    """

    def __init__(
        self,
        memory: MemoryTier,
        second: SecondTier | None,
        *,
        lifetime: Lifetime,
        origin_loads: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._second = second
        self._lifetime = lifetime
        self._clock = clock
        self._flights: SingleFlight[Lookup] = SingleFlight()
        self._origin_slots = asyncio.Semaphore(origin_loads)
        self._writes: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<ReadThrough {self._memory!r} {self._second!r} {self._flights!r} writes={len(self._writes)}>"

    async def get(self, key: str, load: Loader, *, lifetime: Lifetime | None = None) -> Lookup:
        """The value of `key`, fresh. Raises what `load` raises, and OriginBusy when it does not get to run.

        lifetime: another than the cache's own.
        """
        entry = self._memory.get(key)
        if entry is not None and entry.fresh_until > self._clock():
            return Lookup(entry, Outcome.MEMORY_HIT)
        flown = await self._flights.run(key, lambda: self._fill(key, load, lifetime or self._lifetime))
        return replace(flown.result, collapsed=True) if flown.follower else flown.result

    async def refresh(self, key: str, load: Loader, *, lifetime: Lifetime | None = None) -> None:
        """Load `key` now, however fresh its entry still is, unless a load is under way. Raises what `load` raises."""
        await self._flights.run(key, lambda: self._from_origin(key, load, lifetime or self._lifetime))

    async def close(self) -> None:
        """Wait for the loads and the Redis writes under way, for a bounded time."""
        await self._flights.drain(_DRAIN_WAIT_MAX_S)
        if self._writes:
            _, late = await asyncio.wait(self._writes, timeout=_DRAIN_WAIT_MAX_S)
            for task in late:
                task.cancel()

    async def _fill(self, key: str, load: Loader, lifetime: Lifetime) -> Lookup:
        if self._second is not None:
            entry = await self._second.get(key)
            if entry is not None and entry.fresh_until > self._clock():
                self._memory.put(key, entry)
                return Lookup(entry, Outcome.REDIS_HIT)
        return await self._from_origin(key, load, lifetime)

    async def _from_origin(self, key: str, load: Loader, lifetime: Lifetime) -> Lookup:
        started = time.perf_counter()
        value = await self._load(load)
        now = self._clock()
        entry = lifetime.entry(value, now)
        self._memory.put(key, entry)
        if self._second is not None:
            self._behind(self._second.put(key, entry, now=now))
        return Lookup(entry, Outcome.MISS, load_s=time.perf_counter() - started)

    async def _load(self, load: Loader) -> Value:
        try:
            async with asyncio.timeout(_ORIGIN_WAIT_MAX_S):
                await self._origin_slots.acquire()
        except TimeoutError as error:
            raise OriginBusy(f"no origin load could start within {_ORIGIN_WAIT_MAX_S} s") from error
        try:
            return await load()
        finally:
            self._origin_slots.release()

    def _behind(self, write: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
