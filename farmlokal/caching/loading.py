"""Filling one key: from the second tier, or under its lease from the origin."""

import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from farmlokal.caching.awaited_loads import Landings, wait_for_landing
from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.entry import Entry
from farmlokal.caching.lease_keeping import kept_alive
from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.origin import Origin
from farmlokal.caching.question import Question
from farmlokal.caching.second_tier import Busy, Lease, Reading, SecondTier
from farmlokal.caching.tag_history import NOT_KNOWN_OLD, Standing, TagHistory
from farmlokal.errors import OriginBusy

# For another process's load: its wait for a slot and its deadline together, as for a load of our own.
_FOLLOW_MAX_S = 15.0
# A notice that a load has landed can be lost; then the look after this time finds what it brought.
_LOOK_EVERY_S = 0.5
_MARGIN_S = 0.01
# An enum's member takes as long to find as a key in memory.
_MEMORY_HIT, _REDIS_HIT = Outcome.MEMORY_HIT, Outcome.REDIS_HIT


class Wanted(NamedTuple):
    """What a flight may return without a load of its own.

    loaded_after: only a value whose load began later (wall seconds). stale: one that is no longer fresh, too.
    """

    loaded_after: float = float("-inf")
    stale: bool = False


class Filled(NamedTuple):
    """What was brought: the answer, and the entry it was made of, by which it is checked on the way out."""

    lookup: Lookup
    entry: Entry


class Filler:
    """Brings a key's entry into memory from wherever it is to be had.

    behind: starts work that no caller waits for.
    """

    def __init__(
        self,
        memory: MemoryTier,
        second: SecondTier | None,
        origin: Origin,
        history: TagHistory,
        landings: Landings,
        *,
        clock: Callable[[], float],
        behind: Callable[[Coroutine[Any, Any, object]], None],
        counts: CacheCounts,
    ) -> None:
        self._memory = memory
        self._second = second
        self._origin = origin
        self._history = history
        self._landings = landings
        self._clock = clock
        self._behind = behind
        self._counts = counts

    async def fill(self, question: Question, wanted: Wanted) -> Filled:
        """What is to be had without a load, else what a load brings. Runs as its key's single flight."""
        return await self.look(question, wanted) or await self.load(question, wanted)

    async def load(self, question: Question, wanted: Wanted) -> Filled:
        """The value of `question`. Raises what its loader raises, and Unavailable when no load could be made."""
        if self._second is not None:
            return await self._load_once(self._second, question, wanted)
        async with self._origin.slot():
            return await self._load(question, None)

    async def look(self, question: Question, wanted: Wanted) -> Filled | None:
        """What memory and the second tier have that is `wanted`."""
        if self._second is None:
            return None
        asked_at = self._history.epoch
        return self._found(question, await self._second.read(question.key, question.tags), asked_at, wanted)

    def look_soon(
        self, second: SecondTier, question: Question, wanted: Wanted, then: Callable[[Filled | None], object]
    ) -> None:
        """Tell `then` in a later turn of the event loop what `look` would return. `then` must not raise."""
        asked_at = self._history.epoch
        second.read_soon(
            question.key,
            question.tags,
            lambda reading: then(self._found(question, reading, asked_at, wanted)),
        )

    def _found(self, question: Question, reading: Reading | None, asked_at: int, wanted: Wanted) -> Filled | None:
        held = self._memory.peek(question.key)
        if reading is None:
            return self._unconfirmed(held, wanted)
        return self._pick(question, held, reading, asked_at, wanted)

    def _unconfirmed(self, held: Entry | None, wanted: Wanted) -> Filled | None:
        """Without Redis nobody can say what was missed: what we hold is good for its fresh time."""
        if held is None or held.fresh_until <= self._clock() or held.loaded_at <= wanted.loaded_after:
            return None
        usable = self._history.standing(held) in NOT_KNOWN_OLD
        return Filled(held.lookup(Outcome.MEMORY_HIT), held) if usable else None

    def _pick(
        self, question: Question, held: Entry | None, reading: Reading, asked_at: int, wanted: Wanted
    ) -> Filled | None:
        now = self._clock()
        trusted = self._history.trusts(question.tags, asked_at)
        found = reading.entry
        if found is not None:
            found.tags = question.tags
            # A process whose clock is ahead must not keep ours fresh for longer.
            found.fresh_until = min(found.fresh_until, now + question.lifetime.fresh_max_s)
        for entry, outcome in _newest_first(held, found):
            if trusted and entry.generations and entry.generations == reading.generations:
                entry.epoch = max(entry.epoch, asked_at)
            if self._current(entry, asked_at) and entry.fresh_until > now and entry.loaded_at > wanted.loaded_after:
                if entry is not held:
                    self._memory.put(question.key, entry)
                return Filled(entry.lookup(outcome), entry)
        if wanted.stale and found is not None and self._may_serve_stale(found, now):
            self._memory.put(question.key, found)
            return Filled(found.lookup(Outcome.STALE), found)
        return None

    def _current(self, entry: Entry, asked_at: int) -> bool:
        # Unknown: notices were missed while we asked. What Redis said holds for the moment at which it was asked.
        return entry.epoch >= asked_at and self._history.standing(entry) in NOT_KNOWN_OLD

    def _may_serve_stale(self, entry: Entry, now: float) -> bool:
        bypassed = self._history.standing(entry) is Standing.BYPASSED
        return not (bypassed or entry.value.negative) and entry.stale_until > now

    async def _load_once(self, second: SecondTier, question: Question, wanted: Wanted) -> Filled:
        """Load, unless another process does: then what it brings."""
        started = time.perf_counter()
        while True:
            with self._landings.expect(question.key) as landing:
                async with self._origin.slot():
                    asked_at = self._history.epoch
                    lease = await second.acquire(question.key, question.tags)
                    self._note(lease)
                    if not isinstance(lease, Busy):
                        return await self._lead(question, lease, asked_at, wanted)
                # The slot is free for others while we wait for a load that is not ours.
                await wait_for_landing(landing, min(lease.left_s + _MARGIN_S, _LOOK_EVERY_S))
            found = await self.look(question, wanted._replace(stale=False))
            waited_s = time.perf_counter() - started
            if found is not None:
                lookup = found.lookup._replace(outcome=Outcome.MISS, collapsed=True, load_s=waited_s)
                return Filled(lookup, found.entry)
            if waited_s > _FOLLOW_MAX_S:
                raise OriginBusy(f"another process's load did not end within {_FOLLOW_MAX_S:g} s")

    def _note(self, lease: Lease | Busy | None) -> None:
        if lease is None:
            self._counts.unavailable += 1
        elif isinstance(lease, Busy):
            self._counts.busy += 1
        else:
            self._counts.granted += 1

    async def _lead(self, question: Question, lease: Lease | None, asked_at: int, wanted: Wanted) -> Filled:
        if lease is not None:
            # Another process may have filled the key between our look and our lease.
            held = self._memory.peek(question.key)
            found = self._pick(question, held, lease.reading, asked_at, wanted._replace(stale=False))
            if found is not None:
                self._give_back(lease)
                return found
        return await self._load(question, lease)

    async def _load(self, question: Question, lease: Lease | None) -> Filled:
        started = time.perf_counter()
        # Both from before the load: what it reads may be older than anything that happens from here on.
        now, epoch = self._clock(), self._history.epoch
        try:
            async with kept_alive(self._second, lease):
                value = await self._origin.load(question.load)
        except BaseException:
            self._give_back(lease)
            raise
        generations = lease.generations if lease is not None else ()
        entry = question.lifetime.entry(value, now, tags=question.tags, generations=generations, epoch=epoch)
        self._keep(question.key, entry, lease)
        load_s = time.perf_counter() - started
        return Filled(Lookup(value, entry.loaded_at, entry.fresh_until, Outcome.MISS, load_s=load_s), entry)

    def _keep(self, key: str, entry: Entry, lease: Lease | None) -> None:
        # Memory takes it also when it was invalidated meanwhile: it knows its epoch, and will be served as stale.
        self._memory.put(key, entry)
        if self._second is None or lease is None:
            return
        if self._history.standing(entry) is Standing.VALID:
            self._behind(self._store(self._second, lease, entry))
        else:
            self._give_back(lease)

    async def _store(self, second: SecondTier, lease: Lease, entry: Entry) -> None:
        if not await second.store(lease, entry, now=self._clock()):
            # A full Redis refuses the entry, and can still end the lease; others need not wait for it to run out.
            await second.release(lease)

    def _give_back(self, lease: Lease | None) -> None:
        if lease is not None and self._second is not None:
            self._behind(self._second.release(lease))


def _newest_first(held: Entry | None, found: Entry | None) -> list[tuple[Entry, Outcome]]:
    """Memory's and Redis's entry, as far as there are such; of two copies of one, memory's."""
    if found is None:
        return [(held, _MEMORY_HIT)] if held is not None else []
    if held is None or held is found:  # another caller of the same reading put it there
        return [(found, _REDIS_HIT)]
    both = [(held, _MEMORY_HIT), (found, _REDIS_HIT)]
    return both if held.loaded_at >= found.loaded_at else both[::-1]
