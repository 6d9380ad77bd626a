"""Bringing one key into memory: from the second tier, or under its lease from the origin."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from farmlokal.caching.awaited_loads import AwaitedLoads
from farmlokal.caching.causality import Causality
from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.decision import UNCONFIRMED, Found, in_place_of_error, may_be_shared, of_snapshot
from farmlokal.caching.entry import Entry
from farmlokal.caching.lookup import Accepts, Lookup, Outcome, Question
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.origin import Origin
from farmlokal.caching.second_tier import IN_DOUBT, LEASE_MS, Held, Lease, SecondTier, Snapshot
from farmlokal.caching.tag_history import Moment, TagHistory
from farmlokal.errors import OriginBusy, Unavailable
from farmlokal.resilience.commit_positions import NEEDED
from farmlokal.resilience.ending import end

# For another process's load: its wait for a slot and its deadline together, as for a load of our own.
_FOLLOW_MAX_S = 15.0
# A notice that a load has ended can be lost; then the look after this time finds what it brought.
_LOOK_EVERY_S = 0.5
_MARGIN_S = 0.01

_RENEW_EVERY_S = LEASE_MS / 3000
# Where half of all looks find something, so many loads in a row happen once in 256 times.
_LOADS_IN_A_ROW = 8
# As after a refresh that failed.
_OLD_RETRY_S = 1.0


class Loading:
    """Looks for a key's entry beyond memory, loads it where there is none, and puts it into memory.

    clock: wall seconds. hangs: whether what loads ask answers nothing. causality: says what loads have to have seen,
    where they may be made at replicas. What it writes to the second tier is written behind: no caller waits for it.
    """

    def __init__(
        self,
        memory: MemoryTier,
        second: SecondTier | None,
        origin: Origin,
        history: TagHistory,
        awaited_loads: AwaitedLoads,
        *,
        clock: Callable[[], float],
        counts: CacheCounts,
        causality: Causality | None = None,
        hangs: Callable[[], bool] = lambda: False,
    ) -> None:
        self._memory = memory
        self._second = second
        self._origin = origin
        self._history = history
        self._awaited_loads = awaited_loads
        self._clock = clock
        self._counts = counts
        self._causality = causality
        self._hangs = hangs
        self._writes: set[asyncio.Task[object]] = set()
        self._loads_in_a_row = 0  # without anything found in the second tier between them

    def __repr__(self) -> str:
        return f"<Loading writes={len(self._writes)}>"

    async def settle(self, wait_max_s: float) -> None:
        """Wait for the writes under way, for at most `wait_max_s` seconds."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=wait_max_s)

    async def close(self, wait_max_s: float) -> None:
        """Wait as `settle` does, and then cancel the writes that are late."""
        await self.settle(wait_max_s)
        await end(self._writes)

    def expects_miss(self, key: str) -> bool:
        """Return whether to `load` at once, without a look: the second tier is likely to have nothing of `key`.

        The lease is asked for in any case then, and in the same step the second tier gives what it has after all. Not
        where that would wait for a slot, which no hit should.
        """
        return self._loads_in_a_row >= _LOADS_IN_A_ROW and self._memory.peek(key) is None and not self._origin.full

    async def look_or_load(self, question: Question, accepts: Accepts) -> Found:
        """Return what `look` finds, else what `load` brings, and raise what it raises. Runs as its key's flight."""
        return await self.look(question, accepts) or await self.load(question, accepts)

    async def look(self, question: Question, accepts: Accepts) -> Found | None:
        """Return what memory and the second tier have and `accepts` allows; None where that is nothing."""
        if self._second is None:
            return None
        asked = self._history.moment()
        snapshot = await self._second.read(question.key, question.tags)
        return self._found(question, snapshot, asked, accepts)

    def look_then(
        self, second: SecondTier, question: Question, accepts: Accepts, then: Callable[[Found | None], object]
    ) -> None:
        """Call `then` in a later turn of the event loop with what `look` would return. `then` must not raise."""
        asked = self._history.moment()
        second.read_then(
            question.key,
            question.tags,
            lambda snapshot: then(self._found(question, snapshot, asked, accepts)),
        )

    async def load(self, question: Question, accepts: Accepts, *, looked: bool = True) -> Found:
        """Return the value of `question`, loaded here or by another process.

        looked: whether `look` has found nothing; else what it would find is returned. Raises what its loader raises,
        and Unavailable when no load could be made.
        """
        if self._second is not None:
            return await self._load_once(self._second, question, accepts, looked=looked)
        async with self._origin.slot():
            return await self._load(question, None, self._history.moment())

    def _found(self, question: Question, snapshot: Snapshot | None, asked: Moment, accepts: Accepts) -> Found | None:
        """Return what may be served of memory's entry and of what Redis said, when it was `asked`."""
        now, held, kept, confirmed_from = self._clock(), self._memory.peek(question.key), None, UNCONFIRMED
        if snapshot is not None:
            kept, confirmed_from = snapshot.entry, asked.epoch
            if kept is not None:
                self._loads_in_a_row = 0
            self._learn(question, held, snapshot, asked, now)
        standing = self._history.standing
        found = of_snapshot(held, kept, standing, confirmed_from=confirmed_from, now=now, accepts=accepts)
        if found is not None and found.entry is not held:
            self._memory.put(question.key, found.entry)
        return found

    def _learn(self, question: Question, held: Entry | None, snapshot: Snapshot, asked: Moment, now: float) -> None:
        """Write down in the entries what Redis said of them."""
        kept = snapshot.entry
        if kept is not None:
            kept.tags = question.tags
            # A process whose clock is ahead must not keep ours fresh for longer.
            kept.fresh_until = min(kept.fresh_until, now + question.lifetime.fresh_max_s)
        if self._history.trusts(question.tags, asked.epoch):
            for entry in (held, kept):
                if entry is not None and entry.generations and entry.generations == snapshot.generations:
                    entry.epoch = max(entry.epoch, asked.epoch)
                    entry.known_at = asked.at

    async def _load_once(self, second: SecondTier, question: Question, accepts: Accepts, *, looked: bool) -> Found:
        """Load, unless another process does: then what it brings."""
        started, key = time.perf_counter(), question.key
        while True:
            with self._awaited_loads.expect(key):
                async with self._origin.slot():
                    asked = self._history.moment()
                    ask = second.acquire if looked else second.read_or_acquire
                    lease = await ask(key, question.tags)
                    if isinstance(lease, Snapshot):
                        looked, found = True, self._found(question, lease, asked, accepts)
                        if found is not None:
                            return found
                        continue  # what is kept is of no use: a lease is needed all the same
                    self._count(lease)
                    if not isinstance(lease, Held):
                        return await self._lead(question, lease, asked, accepts)
                # The slot is free for others while we wait for a load that is not ours.
                await self._awaited_loads.wait_for(key, min(lease.expires_in_s + _MARGIN_S, _LOOK_EVERY_S))
            found = await self.look(question, accepts._replace(stale=False))
            waited_s = time.perf_counter() - started
            if found is not None:
                lookup = found.lookup._replace(outcome=Outcome.MISS, collapsed=True, load_s=waited_s)
                return Found(lookup, found.entry)
            if waited_s > _FOLLOW_MAX_S:
                raise OriginBusy(f"another process's load did not end within {_FOLLOW_MAX_S:g} s")

    def _count(self, lease: Lease | Held | None) -> None:
        if lease is None:
            self._counts.unavailable += 1
        elif isinstance(lease, Held):
            self._counts.busy += 1
        else:
            self._counts.granted += 1

    async def _lead(self, question: Question, lease: Lease | None, asked: Moment, accepts: Accepts) -> Found:
        if lease is not None:
            # Another process may have filled the key between our look and our lease.
            found = self._found(question, lease.snapshot, asked, accepts._replace(stale=False))
            if found is not None:
                self._give_back(lease)
                return found
        return await self._load(question, lease, asked)

    async def _load(self, question: Question, lease: Lease | None, asked: Moment) -> Found:
        started = time.perf_counter()
        self._loads_in_a_row += 1
        # Both from before the load: what it reads may be older than anything that happens from here on.
        now, epoch = self._clock(), self._history.epoch
        needed = None
        if self._causality is not None:
            told = self._history.trusts(question.tags, asked.epoch)
            needed = self._causality.needed(self._second, lease, told=told)
            NEEDED.set(needed)  # for the statements of this load; a flight's task makes no other
        try:
            async with kept_alive(self._second, lease, self._hangs):
                value = await self._origin.load(question.load)
        except BaseException:
            self._give_back(lease)
            raise
        fresh_until, stale_until = question.lifetime.ends(now, negative=value.negative)
        generations = lease.generations if lease is not None else ()
        entry = Entry(value, now, fresh_until, stale_until, generations, question.tags, epoch, known_at=now)
        causal = needed is None or needed.causal
        decided = not self._in_doubt(question, lease)
        if causal and decided:
            self._keep(question.key, entry, lease)
        else:
            self._keep_old(question.key, entry, lease, now, causal=causal)
        found = Lookup(value, now, entry.fresh_until, Outcome.MISS, stored=causal and decided)
        return Found(found._replace(load_s=time.perf_counter() - started), entry)

    def _in_doubt(self, question: Question, lease: Lease | None) -> bool:
        """Whether a write that may yet take effect touches one of the tags: what was loaded may be older than it."""
        generations = lease.generations if lease is not None else ()
        return self._history.in_doubt(question.tags) or any(one.startswith(IN_DOUBT) for one in generations)

    def _keep_old(self, key: str, entry: Entry, lease: Lease | None, now: float, *, causal: bool) -> None:
        """Keep in memory what may be older than a write: it is never fresh, and is tried again after a while.

        causal: false for what a replica had while the writer was away. Where memory has something to give in place of
        an error that is no older, or rarely: then Unavailable is raised.
        """
        self._give_back(lease)
        if not causal and in_place_of_error(self._memory.peek(key), now) is not None:
            raise Unavailable("the writer does not answer, and no replica is known to have what it has")
        entry.fresh_until, entry.retry_at = now, now + _OLD_RETRY_S
        self._memory.put(key, entry)

    def _keep(self, key: str, entry: Entry, lease: Lease | None) -> None:
        # Memory takes it also when it was invalidated meanwhile: it knows its epoch, and will be served as stale.
        self._memory.put(key, entry)
        if self._second is None or lease is None:
            return
        if may_be_shared(self._history.standing(entry)):
            self._write_behind(self._store(self._second, lease, entry))
        else:
            self._give_back(lease)

    async def _store(self, second: SecondTier, lease: Lease, entry: Entry) -> None:
        if not await second.store(lease, entry, now=self._clock()):
            # A full Redis refuses the entry, and can still end the lease; others need not wait for it to run out.
            await second.release(lease)

    def _give_back(self, lease: Lease | None) -> None:
        if lease is not None and self._second is not None:
            self._write_behind(self._second.release(lease))

    def _write_behind(self, write: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)


@asynccontextmanager
async def kept_alive(
    second: SecondTier | None, lease: Lease | None, hangs: Callable[[], bool] = lambda: False
) -> AsyncIterator[None]:
    """Renew `lease` for as long as the block runs, so that a slow load stays the only one.

    hangs: whether the block waits for what answers nothing. Then the lease is given back: another process may be the
    one that gets an answer. What the block brings is kept in memory all the same.
    """
    if second is None or lease is None:
        yield
        return
    renewing: list[asyncio.Task[None]] = []
    # Nearly every load ends before this: a timer costs it a tenth of what a task would.
    timer = asyncio.get_running_loop().call_later(
        0 if hangs() else _RENEW_EVERY_S,
        lambda: renewing.append(asyncio.create_task(_renew(second, lease, hangs), name=f"lease {lease.key}")),
    )
    try:
        yield
    finally:
        timer.cancel()
        if renewing:
            await end(renewing)


async def _renew(second: SecondTier, lease: Lease, hangs: Callable[[], bool]) -> None:
    while not hangs():
        # A lease that could not be renewed may be lost; the load goes on all the same, and `store` has the last word.
        await second.renew(lease)
        await asyncio.sleep(_RENEW_EVERY_S)
    await second.release(lease)
