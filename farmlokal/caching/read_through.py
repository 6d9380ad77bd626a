"""The read-through cache: memory, then Redis, then the caller's loader, one load per key at a time."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.entry import Entry, Value
from farmlokal.caching.filling import Filled, Filler, Wanted
from farmlokal.caching.invalidation import Invalidator
from farmlokal.caching.landings import Landings
from farmlokal.caching.lifetime import HOT_HITS, Lifetime, early_from
from farmlokal.caching.lookup import Loader, Lookup, Outcome, Question, answer
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.neighbours import Neighbours
from farmlokal.caching.origin import LOAD_MAX_S, SLOT_WAIT_MAX_S, Origin
from farmlokal.caching.redis_tier import RedisTier
from farmlokal.caching.second_tier import SecondTier
from farmlokal.caching.tag_history import EVERYTHING, Standing, TagHistory
from farmlokal.errors import Unavailable
from farmlokal.resilience.ending import end
from farmlokal.resilience.single_flight import SingleFlight
from farmlokal.telemetry import get_logger, tracing
from farmlokal.telemetry.short_hash import short_hash
from farmlokal.telemetry.tracing import span

_log = get_logger(__name__)

_DRAIN_WAIT_MAX_S = 5.0
# Loads that one caller may see invalidated under way before it is given the last one, as not fresh.
_FLIGHTS_MAX = 3
# After a failed refresh the stale entry is served this long, ± 50 %, before the next attempt.
_RETRY_AFTER_S = 1.0
_ANYTHING = Wanted(stale=True)
_FRESH = Wanted()


class ReadThrough:
    """Answers from `memory`, then from `second` where there is one, then by calling the loader.

    origin_loads: how many loaders run at once. clock: wall seconds, because entries are shared between processes.
    Notices of other processes are heard between `start` and `close`.
    """

    def __init__(
        self,
        memory: MemoryTier,
        second: SecondTier | None,
        *,
        lifetime: Lifetime,
        origin_loads: int,
        slot_wait_max_s: float = SLOT_WAIT_MAX_S,
        load_max_s: float = LOAD_MAX_S,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.counts = CacheCounts()
        self._memory = memory
        # To be told when something was added to a key's value that stays with it.
        self.reweigh = memory.reweigh
        self._second = second
        self._lifetime = lifetime
        self._clock = clock
        self._draw = draw
        self._history = TagHistory()
        self._origin = Origin(origin_loads, slot_wait_max_s=slot_wait_max_s, load_max_s=load_max_s, counts=self.counts)
        self._flights: SingleFlight[Filled] = SingleFlight()
        self._landings = Landings()
        self._writes: set[asyncio.Task[object]] = set()
        known = (self._history, self._landings)
        self._filler = Filler(
            memory, second, self._origin, *known, clock=clock, behind=self._behind, counts=self.counts
        )
        self._invalidator = Invalidator(second, self._history, clock=clock)
        self._neighbours: Neighbours | None = None
        if isinstance(second, RedisTier):
            name = self._invalidator.name
            self._neighbours = Neighbours(second, memory, self._filler, *known, lifetime=lifetime, name=name)

    def __repr__(self) -> str:
        return (
            f"<ReadThrough {self._memory!r} {self._second!r} {self._flights!r} {self._origin!r} {self._landings!r}"
            f" {self._history!r} {self._invalidator!r} {self._neighbours!r} writes={len(self._writes)}>"
        )

    async def get(
        self, key: str, load: Loader, *, tags: tuple[str, ...] = (), lifetime: Lifetime | None = None
    ) -> Lookup:
        """The value of `key`: fresh, or stale while it is refreshed or cannot be.

        tags: what invalidates it; the same for every call with this key. lifetime: another than the cache's own.
        Raises what `load` raises, and Unavailable when it cannot run or end in time and nothing is kept.
        """
        hit = self.peek(key)
        if hit is not None:
            return hit
        question = Question(key, load, (*tags, EVERYTHING), lifetime or self._lifetime)
        lookup = self._from_memory(question)
        if lookup is None:
            with span("cache lookup") as looking:
                if tracing.active:
                    looking.set("farmlokal.cache.key", short_hash(key))
                lookup = await self._filled(question)
                looking.set("farmlokal.cache.outcome", lookup.outcome)
        return self.counts.note(lookup)

    def peek(self, key: str) -> Lookup | None:
        """The answer of a memory hit that needs no further thought, for callers that cannot wait. It is counted."""
        entry = self._memory.get(key)
        if entry is not None and entry.epoch == self._history.epoch and entry.calm_until > self._clock():
            hit = entry.hit
            if hit is not None and hit.outcome is Outcome.MEMORY_HIT:
                self.counts.peeked += 1
                return hit
            return hit and self.counts.note(hit)
        return None

    def coded(self, key: str, value: Value, coding: str | None) -> bytes:
        """The body of `value`, which an answer for `key` held, in a content coding; None for the body as it is."""
        if coding is not None and coding not in value.variants:
            value.coded(coding)
            self.reweigh(key)
        return value.coded(coding)

    async def refresh(
        self, key: str, load: Loader, *, tags: tuple[str, ...] = (), lifetime: Lifetime | None = None
    ) -> None:
        """Load `key` now, however fresh its entry still is, unless a load is under way. Raises what `load` raises."""
        question = Question(key, load, (*tags, EVERYTHING), lifetime or self._lifetime)
        await self._flights.run(key, lambda: self._filler.fill(question, Wanted(loaded_after=self._clock())))

    async def invalidate(self, tags: Iterable[str]) -> None:
        """What was loaded before with any of `tags` is no longer fresh: here at once, elsewhere with the notice.

        Returns without waiting for Redis; `settle` waits. Call it after the write is committed.
        """
        self.counts.invalidations += 1
        self._invalidator.invalidate(tags)

    async def settle(self, wait_max_s: float = _DRAIN_WAIT_MAX_S) -> bool:
        """Wait until every invalidation and every write behind has reached Redis; whether all invalidations have."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=wait_max_s)
        return await self._invalidator.settle(wait_max_s)

    async def start(self) -> int:
        """Begin to listen to other processes, and fetch what they are asked for most; how many entries that was."""
        return await self._neighbours.start() if self._neighbours is not None else 0

    async def close(self) -> None:
        """Wait for the loads, the invalidations and the Redis writes under way, for a bounded time."""
        await self._flights.drain(_DRAIN_WAIT_MAX_S)
        await self._invalidator.close(_DRAIN_WAIT_MAX_S)
        if self._writes:
            _, late = await asyncio.wait(self._writes, timeout=_DRAIN_WAIT_MAX_S)
            await end(late)
        if self._neighbours is not None:
            await self._neighbours.close()

    def _from_memory(self, question: Question) -> Lookup | None:
        """What memory has to say without waiting: a hit, or a stale answer whose refresh is started."""
        entry = self._memory.peek(question.key)
        if entry is None:
            return None
        now = self._clock()
        if entry.stale_until <= now:
            return None
        standing = self._history.standing(entry)
        if entry.fresh_until > now:
            if standing is Standing.VALID:
                return self._hit(question, entry, now)
            if standing is Standing.UNKNOWN:
                return None
        if entry.value.negative or (standing is Standing.BYPASSED and entry.retry_at <= now):
            return None
        self._refresh_behind(question, entry, now, _FRESH)
        return answer(entry, Outcome.STALE_ERROR if entry.retry_at else Outcome.STALE)

    def _hit(self, question: Question, entry: Entry, now: float) -> Lookup:
        """A memory hit; makes the next one quick. A hot entry is refreshed before it turns stale."""
        entry.epoch = self._history.epoch
        if entry.hit is None:
            entry.hit = answer(entry, Outcome.MEMORY_HIT)
            entry.calm_until = early_from(entry)
        if now >= entry.calm_until:
            entry.late_hits += 1
            if entry.late_hits >= HOT_HITS:
                entry.calm_until = entry.fresh_until
                if not entry.value.negative:
                    self._refresh_behind(question, entry, now, Wanted(loaded_after=entry.loaded_at))
        return entry.hit

    async def _filled(self, question: Question) -> Lookup:
        """What Redis has or a flight brings, checked once more on the way out: it may have been invalidated since."""
        for _ in range(_FLIGHTS_MAX):
            try:
                found = None if question.key in self._flights else await self._filler.look(question, _ANYTHING)
                follower = False
                if found is None:
                    work = partial(self._filler.load, question, _ANYTHING)
                    found, follower = await self._flights.run(question.key, work)
            except Unavailable:
                kept = self._kept(question.key)
                if kept is None:
                    raise
                return kept
            lookup, entry = found
            if lookup.outcome is Outcome.STALE:
                self._refresh_behind(question, entry, self._clock(), _FRESH)
                return lookup
            if self._history.standing(entry) in (Standing.VALID, Standing.UNKNOWN):
                break
        else:
            lookup = lookup._replace(stored=False)
        return lookup._replace(collapsed=True) if follower else lookup

    def _kept(self, key: str) -> Lookup | None:
        """What is kept of `key`, to be served in place of an error."""
        entry, now = self._memory.peek(key), self._clock()
        if entry is None or entry.stale_until <= now or entry.value.negative:
            return None
        self._note_failure(entry, now)
        return answer(entry, Outcome.STALE_ERROR)

    def _refresh_behind(self, question: Question, entry: Entry, now: float, wanted: Wanted) -> None:
        if entry.retry_at > now or question.key in self._flights:
            return
        self._flights.start(question.key, lambda: self._refreshed(question, entry, wanted))

    async def _refreshed(self, question: Question, entry: Entry, wanted: Wanted) -> Filled:
        try:
            filled = await self._filler.fill(question, wanted)
        except Exception as error:
            self._note_failure(entry, self._clock())
            if not isinstance(error, Unavailable):
                _log.exception("refresh failed", key=short_hash(question.key))
            raise
        entry.retry_at = 0.0
        return filled

    def _note_failure(self, entry: Entry, now: float) -> None:
        entry.retry_at = now + _RETRY_AFTER_S * (0.5 + self._draw())

    def _behind(self, write: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
