"""The read-through cache: memory, then Redis, then the caller's loader, one load per key at a time."""

import random
import time
from collections.abc import Callable, Iterable
from functools import partial

from farmlokal.caching.awaited_loads import Landings
from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.entry import Entry
from farmlokal.caching.invalidation import Invalidator
from farmlokal.caching.lifetime import HOT_HITS, Lifetime, early_from
from farmlokal.caching.loading import Filled, Filler, Wanted
from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.origin import LOAD_MAX_S, SLOT_WAIT_MAX_S, Origin
from farmlokal.caching.question import Loader, Question
from farmlokal.caching.redis.background import Neighbours
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.refreshing import Refresher
from farmlokal.caching.second_tier import SecondTier
from farmlokal.caching.tag_history import EVERYTHING, NOT_KNOWN_OLD, Standing, TagHistory
from farmlokal.caching.value import Value
from farmlokal.caching.writes_behind import WritesBehind
from farmlokal.errors import Unavailable
from farmlokal.resilience.single_flight import SingleFlight
from farmlokal.telemetry import tracing
from farmlokal.telemetry.short_hash import short_hash
from farmlokal.telemetry.tracing import span

_DRAIN_WAIT_MAX_S = 5.0
# Loads that one caller may see invalidated under way before it is given the last one, as not fresh.
_FLIGHTS_MAX = 3
_ANYTHING = Wanted(stale=True)
_FRESH = Wanted()
# An enum's member takes as long to find as a key in memory.
_MEMORY_HIT = Outcome.MEMORY_HIT


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
        self._history = TagHistory()
        self._origin = Origin(origin_loads, slot_wait_max_s=slot_wait_max_s, load_max_s=load_max_s, counts=self.counts)
        self._flights: SingleFlight[Filled] = SingleFlight()
        self._landings = Landings()
        self._writes = WritesBehind()
        known = (self._history, self._landings)
        self._filler = Filler(
            memory, second, self._origin, *known, clock=clock, behind=self._writes.start, counts=self.counts
        )
        self._refresher = Refresher(self._filler, self._flights, clock=clock, draw=draw)
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

    def question(
        self, key: str, load: Loader, tags: tuple[str, ...] = (), lifetime: Lifetime | None = None
    ) -> Question:
        """What to ask of `key`.

        tags: what invalidates it; the same in every question of this key. lifetime: another than the cache's own.
        """
        return Question(key, load, (*tags, EVERYTHING), lifetime or self._lifetime)

    async def get(
        self, key: str, load: Loader, *, tags: tuple[str, ...] = (), lifetime: Lifetime | None = None
    ) -> Lookup:
        """`ask` the `question` that these make."""
        return await self.ask(self.question(key, load, tags, lifetime))

    async def ask(self, question: Question) -> Lookup:
        """The value of the question's key: fresh, or stale while it is refreshed or cannot be.

        Raises what its loader raises, and Unavailable when it cannot run or end in time and nothing is kept.
        """
        return self.peek(question.key) or self.held(question) or await self.fetch(question)

    async def fetch(self, question: Question, *, looked: bool = False) -> Lookup:
        """What `ask` returns for what memory does not hold. looked: that Redis was asked just now, and has nothing."""
        with span("cache lookup") as looking:
            if tracing.active:
                looking.set("farmlokal.cache.key", short_hash(question.key))
            lookup = await self._filled(question, looked=looked)
            looking.set("farmlokal.cache.outcome", lookup.outcome)
        return self.counts.note(lookup)

    def look_soon(self, question: Question, then: Callable[[Lookup | None], object]) -> bool:
        """Tell `then` in a later turn of the event loop what Redis has; None where it has nothing that may be served.

        For callers that are no task: making one costs as much as the whole of this. `then` must not raise. False where
        it is not told, because there is no Redis, or a load of the key is under way.
        """
        if self._second is None or question.key in self._flights:
            return False

        def found(filled: Filled | None) -> None:
            then(None if filled is None else self.counts.note(self._served(question, filled)))

        self._filler.look_soon(self._second, question, _ANYTHING, found)
        return True

    def held(self, question: Question) -> Lookup | None:
        """What memory has to say without waiting: a hit, or a stale answer whose refresh is started. It is counted."""
        entry = self._memory.peek(question.key)
        if entry is None:
            return None
        now = self._clock()
        if entry.stale_until <= now:
            return None
        standing = self._history.standing(entry)
        if entry.fresh_until > now:
            if standing is Standing.VALID:
                return self.counts.note(self._hit(question, entry, now))
            if standing is Standing.UNKNOWN:
                return None
        if entry.value.negative or (standing is Standing.BYPASSED and entry.retry_at <= now):
            return None
        self._refresher.refresh_behind(question, entry, _FRESH)
        return self.counts.note(entry.lookup(Outcome.STALE_ERROR if entry.retry_at else Outcome.STALE))

    def peek(self, key: str) -> Lookup | None:
        """The answer of a memory hit that needs no further thought, for callers that cannot wait. It is counted."""
        entry = self._memory.get(key)
        if entry is not None and entry.epoch == self._history.epoch and entry.calm_until > self._clock():
            hit = entry.hit
            if hit is not None and hit.outcome is _MEMORY_HIT:
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
        question = self.question(key, load, tags, lifetime)
        await self._flights.run(key, lambda: self._filler.fill(question, Wanted(loaded_after=self._clock())))

    async def invalidate(self, tags: Iterable[str]) -> None:
        """What was loaded before with any of `tags` is no longer fresh: here at once, elsewhere with the notice.

        Returns without waiting for Redis; `settle` waits. Call it after the write is committed.
        """
        self.counts.invalidations += 1
        self._invalidator.invalidate(tags)

    async def settle(self, wait_max_s: float = _DRAIN_WAIT_MAX_S) -> bool:
        """Wait until every invalidation and every write behind has reached Redis; whether all invalidations have."""
        await self._writes.settle(wait_max_s)
        return await self._invalidator.settle(wait_max_s)

    async def start(self) -> int:
        """Begin to listen to other processes, and fetch what they are asked for most; how many entries that was."""
        return await self._neighbours.start() if self._neighbours is not None else 0

    async def close(self) -> None:
        """Wait for the loads, the invalidations and the Redis writes under way, for a bounded time."""
        await self._flights.drain(_DRAIN_WAIT_MAX_S)
        await self._invalidator.close(_DRAIN_WAIT_MAX_S)
        await self._writes.close(_DRAIN_WAIT_MAX_S)
        if self._neighbours is not None:
            await self._neighbours.close()

    def _hit(self, question: Question, entry: Entry, now: float) -> Lookup:
        """A memory hit; makes the next one quick. A hot entry is refreshed before it turns stale."""
        entry.epoch = self._history.epoch
        if entry.hit is None:
            entry.hit = entry.lookup(Outcome.MEMORY_HIT)
            entry.calm_until = early_from(entry)
        if now >= entry.calm_until:
            entry.late_hits += 1
            if entry.late_hits >= HOT_HITS:
                entry.calm_until = entry.fresh_until
                if not entry.value.negative:
                    self._refresher.refresh_behind(question, entry, Wanted(loaded_after=entry.loaded_at))
        return entry.hit

    async def _filled(self, question: Question, *, looked: bool) -> Lookup:
        """What Redis has or a flight brings, checked once more on the way out: it may have been invalidated since."""
        for _ in range(_FLIGHTS_MAX):
            try:
                pointless = looked or question.key in self._flights
                found = None if pointless else await self._filler.look(question, _ANYTHING)
                follower, looked = False, False
                if found is None:
                    work = partial(self._filler.load, question, _ANYTHING)
                    found, follower = await self._flights.run(question.key, work)
            except Unavailable:
                kept = self._kept(question.key)
                if kept is None:
                    raise
                return kept
            lookup = self._served(question, found)
            if lookup.outcome is Outcome.STALE or self._history.standing(found.entry) in NOT_KNOWN_OLD:
                break
        else:
            lookup = lookup._replace(stored=False)
        return lookup._replace(collapsed=True) if follower else lookup

    def _served(self, question: Question, found: Filled) -> Lookup:
        """The answer that was found; a stale one is refreshed behind."""
        lookup, entry = found
        if lookup.outcome is Outcome.STALE:
            self._refresher.refresh_behind(question, entry, _FRESH)
        return lookup

    def _kept(self, key: str) -> Lookup | None:
        """What is kept of `key`, to be served in place of an error."""
        entry, now = self._memory.peek(key), self._clock()
        if entry is None or entry.stale_until <= now or entry.value.negative:
            return None
        self._refresher.note_failure(entry)
        return entry.lookup(Outcome.STALE_ERROR)
