"""The read-through cache: memory, then Redis, then the caller's loader, one load per key at a time.

It has two doors: `peek` looks at memory and does not wait, `ask` waits for an answer; `ask_then` is the part of `ask`
that needs no task. What they serve is decided in `decision`, and done here.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from functools import partial

from farmlokal.caching.awaited_loads import AwaitedLoads
from farmlokal.caching.causality import Causality
from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.decision import Decision, Found, hits_simple_until, in_place_of_error, may_be_given, of_memory
from farmlokal.caching.entry import Entry
from farmlokal.caching.invalidation import InvalidationSender
from farmlokal.caching.loading import Loading
from farmlokal.caching.lookup import (
    FRESH,
    FRESH_OR_STALE,
    JITTER_SHARE,
    Accepts,
    Lifetime,
    Loader,
    Lookup,
    Outcome,
    Question,
)
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.origin import LOAD_MAX_S, SLOT_WAIT_MAX_S, Origin
from farmlokal.caching.redis.background import Background
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.refresh_turns import EVERY_S, CoreLeft, RefreshTurns
from farmlokal.caching.refreshing import Refresher
from farmlokal.caching.second_tier import SecondTier
from farmlokal.caching.tag_history import Standing, TagHistory, with_everything
from farmlokal.caching.unheard import Deliveries, LeftTags
from farmlokal.caching.value import Value
from farmlokal.errors import Unavailable
from farmlokal.resilience.single_flight import SingleFlight
from farmlokal.telemetry import tracing
from farmlokal.telemetry.short_hash import short_hash

_DRAIN_WAIT_MAX_S = 5.0
# Loads that one caller may see invalidated under way before it is given the last one, as not fresh.
_FLIGHTS_MAX = 3
# An enum's member takes as long to find as a key in memory.
_MEMORY_HIT = Outcome.MEMORY_HIT
_ASK, _HIT, _STALE, _STALE_ERROR = Decision.ASK, Decision.HIT, Decision.STALE, Decision.STALE_ERROR
_DOUBTFUL = Decision.DOUBTFUL


class ReadThrough:
    """Answers from `memory`, then from `second` where there is one, then by calling the loader.

    origin_loads: how many loaders run at once. slot_wait_max_s: the longest that a load waits to be one of them.
    load_max_s: the longest that one runs. refresh_every_s: as for RefreshTurns. causality: where loads may be made at
    replicas. left_tags: where processes leave what they cannot send to `second`. hangs: whether what loads ask answers
    nothing. clock: wall seconds, because entries are shared between processes. draw: gives a random number from 0 to 1.
    Notices of other processes are heard from `start` to `close`.
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
        refresh_every_s: float = EVERY_S,
        causality: Causality | None = None,
        left_tags: LeftTags | None = None,
        hangs: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.counts = CacheCounts()
        # To be called when something was added to a key's value that stays with it.
        self.reweigh = memory.reweigh
        # To be called with the bytes that what is remembered of questions has come to take more, or fewer.
        self.set_aside = memory.set_aside
        self._memory = memory
        self._second = second
        self._lifetime = lifetime
        self._clock = clock
        self._history = TagHistory(clock)
        self._origin = Origin(origin_loads, slot_wait_max_s=slot_wait_max_s, load_max_s=load_max_s, counts=self.counts)
        self._flights: SingleFlight[Found] = SingleFlight()
        self._awaited_loads = AwaitedLoads()
        known = (self._history, self._awaited_loads)
        self._causality = causality
        self._loading = Loading(
            memory, second, self._origin, *known, clock=clock, counts=self.counts, causality=causality, hangs=hangs
        )
        left = CoreLeft().share
        self._refreshes = RefreshTurns(lambda: self._origin.has_room, left, every_s=refresh_every_s)
        self._refresher = Refresher(self._loading, self._flights, memory, self._refreshes, clock=clock, draw=draw)
        longest_fresh_s = lifetime.ttl_s * (1 + JITTER_SHARE)
        commits = None if causality is None else causality.commits
        self._sender = sender = InvalidationSender(
            second, self._history, clock=clock, remember_s=longest_fresh_s, commits=commits, left_tags=left_tags
        )
        self._background: Background | None = None
        if isinstance(second, RedisTier):
            second.primary.on_change.append(sender.send_again)
            deliveries = None if left_tags is None else Deliveries(left_tags, sender.send_for_others, self.counts)
            self._background = Background(
                *(second, memory, self._loading, *known),
                clock=clock,
                lifetime=lifetime,
                name=sender.name,
                deliveries=deliveries,
            )

    def __repr__(self) -> str:
        return (
            f"<ReadThrough {self._memory!r} {self._second!r} {self._flights!r} {self._origin!r}"
            f" {self._awaited_loads!r} {self._history!r} {self._sender!r} {self._background!r} {self._loading!r}"
            f" {self._refreshes!r}>"
        )

    def question(
        self, key: str, load: Loader, tags: tuple[str, ...] = (), lifetime: Lifetime | None = None
    ) -> Question:
        """Return what to ask of `key`.

        tags: what invalidates it; the same in every question of this key. lifetime: another than the cache's own.
        """
        return Question(key, load, with_everything(tags), lifetime or self._lifetime)

    def peek(self, question: Question) -> Lookup | None:
        """Return what memory has, without waiting: a hit, or a stale answer whose refresh is started behind.

        None where `ask` has to go further. An answer is counted.
        """
        entry = self._memory.get(question.key)
        if entry is None:
            return None
        # What was decided for an earlier hit still holds: nothing was invalidated, it is not near its end, and notices
        # were heard not long ago.
        if entry.epoch == self._history.epoch and entry.hit_valid_until > self._clock():
            hit = entry.hit
            if hit is not None and hit.outcome is _MEMORY_HIT:
                self.counts.peeked += 1
                return hit
        return self._of_memory(question, entry)

    async def ask(self, question: Question, *, looked: bool = False) -> Lookup:
        """Return the value of the question's key: fresh, or stale while it is refreshed or cannot be.

        looked: that `peek` and `ask_then` found nothing for the same caller just now. Raises what the loader raises,
        and Unavailable when it cannot run or end in time and nothing is kept.
        """
        found = self._peek_again(question) if looked else self.peek(question)
        return found or await self._ask_further(question, looked=looked)

    def ask_then(self, question: Question, then: Callable[[Lookup | None], object]) -> bool:
        """Call `then` in a later turn of the event loop with what Redis has; with None where `ask` has to go further.

        For callers that are no task: making one costs as much as the whole of this. `then` must not raise. Returns
        False where it is not called, because there is no Redis, or is likely to have nothing, or a load of the key is
        under way.
        """
        key = question.key
        if self._second is None or key in self._flights or self._loading.expects_miss(key):
            return False

        def on_found(found: Found | None) -> None:
            then(None if found is None else self._count(self._served(question, found)))

        self._loading.look_then(self._second, question, FRESH_OR_STALE, on_found)
        return True

    def coded(self, key: str, value: Value, coding: str | None) -> bytes:
        """Return the body of `value`, which an answer for `key` held, in a content coding; as it is for None."""
        if coding is not None and coding not in value.variants:
            value.coded(coding)
            self.reweigh(key)
        return value.coded(coding)

    async def refresh(self, question: Question) -> None:
        """Load the key now, however fresh its entry is, unless a load is under way. Raises what the loader raises."""
        accepts = Accepts(loaded_after=self._clock())
        await self._flights.run(question.key, lambda: self._loading.look_or_load(question, accepts))

    async def invalidate(self, tags: Iterable[str], *, until: asyncio.Event | None = None, left: bool = False) -> None:
        """What was loaded before with any of `tags` is no longer fresh: here at once, elsewhere with the notice.

        Returns without waiting for Redis; `settle` waits. Call it after the COMMIT. until, left: as for
        InvalidationSender.
        """
        self.counts.invalidations += 1
        self._sender.invalidate(tags, until=until, left=left)

    @property
    def unheard(self) -> bool:
        """Whether it is known that what is invalidated now will not reach the other processes through `second`."""
        return self._sender.unheard

    def last_heard(self, tag: str) -> int:
        """Return a number that differs when this process has heard of an invalidation of `tag`, or may have missed one.

        For what is kept outside of the cache and depends on a tag of it.
        """
        return self._history.last_heard(tag)

    async def settle(self, wait_max_s: float = _DRAIN_WAIT_MAX_S) -> bool:
        """Wait until every invalidation and every entry has reached Redis. Returns whether all invalidations have."""
        await self._loading.settle(wait_max_s)
        return await self._sender.settle(wait_max_s)

    async def start(self) -> int:
        """Begin to listen to other processes, and fetch what they are asked for most. Returns how many entries."""
        return await self._background.start() if self._background is not None else 0

    async def close(self) -> None:
        """Wait for the loads, the invalidations and the Redis writes under way, for a bounded time."""
        self._refreshes.close()
        await self._flights.drain(_DRAIN_WAIT_MAX_S)
        if self._causality is not None:
            await self._causality.close()
        await self._sender.close(_DRAIN_WAIT_MAX_S)
        await self._loading.close(_DRAIN_WAIT_MAX_S)
        if self._background is not None:
            await self._background.close()

    def _count(self, lookup: Lookup) -> Lookup:
        self.counts.lookups[lookup.outcome] += 1
        self.counts.collapsed += lookup.collapsed
        return lookup

    def _peek_again(self, question: Question) -> Lookup | None:
        """Look as `peek` does, without a further use of the entry: another's load may have ended meanwhile."""
        entry = self._memory.peek(question.key)
        return None if entry is None else self._of_memory(question, entry)

    def _of_memory(self, question: Question, entry: Entry) -> Lookup | None:
        """Do what is decided for an entry in memory."""
        away = self._second is not None and self._second.away
        decision = of_memory(entry, self._history.standing(entry), self._clock(), away=away)
        if decision is _ASK:
            return None
        if decision is _DOUBTFUL:
            return self._count(entry.lookup(Outcome.STALE))
        if decision is _STALE or decision is _STALE_ERROR:
            self._refresher.refresh_behind(question, entry, FRESH)
            return self._count(entry.lookup(Outcome.STALE if decision is _STALE else Outcome.STALE_ERROR))
        # A hit; the next one is quick.
        entry.epoch = self._history.epoch
        hit = entry.hit
        if hit is None:
            hit = entry.lookup(_MEMORY_HIT)
            entry.hit = hit._replace(steady=True)
        if decision is not _HIT:
            self._hit_near_expiry(question, entry, decision)
        entry.hit_valid_until = min(hits_simple_until(entry), self._history.current_until(entry))
        return self._count(hit)

    def _hit_near_expiry(self, question: Question, entry: Entry, decision: Decision) -> None:
        """Refresh a hot entry before it turns stale."""
        entry.hits_near_expiry += 1
        if decision is Decision.HIT_AND_REFRESH:
            self._refresher.refresh_behind(question, entry, Accepts(loaded_after=entry.loaded_at))

    async def _ask_further(self, question: Question, *, looked: bool) -> Lookup:
        with tracing.span("cache lookup") as looking:
            if tracing.active:
                looking.set("farmlokal.cache.key", short_hash(question.key))
            lookup = await self._found(question, looked=looked)
            looking.set("farmlokal.cache.outcome", lookup.outcome)
        return self._count(lookup)

    async def _found(self, question: Question, *, looked: bool) -> Lookup:
        """Return what Redis has or a flight brings; checked on the way out: it may have been invalidated since."""
        for _ in range(_FLIGHTS_MAX):
            try:
                found, follower = None, False
                if not looked and question.key not in self._flights and not self._loading.expects_miss(question.key):
                    found, looked = await self._loading.look(question, FRESH_OR_STALE), True
                if found is None:
                    load = partial(self._loading.load, question, FRESH_OR_STALE, looked=looked)
                    found, follower = await self._flights.run(question.key, load)
                looked = False
            except Unavailable:
                kept = self._kept(question.key)
                if kept is None:
                    raise
                return kept
            lookup = self._served(question, found)
            if not lookup.stored or may_be_given(lookup.outcome, self._history.standing(found.entry)):
                break
        else:
            lookup = lookup._replace(stored=False)
        return lookup._replace(collapsed=True) if follower else lookup

    def _served(self, question: Question, found: Found) -> Lookup:
        """Return the answer that was found; a stale one is refreshed behind, unless it is merely doubtful."""
        if found.lookup.outcome is Outcome.STALE and self._history.standing(found.entry) is not Standing.UNKNOWN:
            self._refresher.refresh_behind(question, found.entry, FRESH)
        return found.lookup

    def _kept(self, key: str) -> Lookup | None:
        """Return what memory has of `key`, in place of an error; no refresh of it is tried for a while."""
        entry = self._memory.peek(key)
        lookup = in_place_of_error(entry, self._clock())
        if entry is not None and lookup is not None:
            self._refresher.pause(entry)
        return lookup
