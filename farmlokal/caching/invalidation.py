"""Sending this process's invalidations: the first of a burst at once, the following together."""

import asyncio
import math
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress

from farmlokal.caching.second_tier import NOTHING_KNOWN, Doubt, SecondTier
from farmlokal.caching.tag_history import EVERYTHING, TagHistory
from farmlokal.caching.unheard import Leaving, LeftTags
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.commit_positions import CommitPositions, Committed
from farmlokal.resilience.ending import end

# With the round trip to Redis, what follows the first is sent within 100 ms.
COALESCE_S = 0.08
# With the breaker's pause, the longest for which others call fresh what was invalidated while all had lost their Redis.
_SEND_AGAIN_MAX_S = 0.25
# For so long others do not hear of what Redis is given, however long this process is willing to wait for it.
_LATE_S = 0.25
# So often others are told that a write may yet take effect: who missed it, or has another Redis by now.
_DOUBT_AGAIN_S = 1.0
# With a short fresh time, too, a doubt has to last until it is told again, however busy the machine is.
_DOUBT_MIN_S = 10.0
# While Redis is away unsent tags add up; more than these are sent as one.
_UNSENT_MAX = 10_000


class InvalidationSender:
    """Applies invalidations here at once, and sends them through `second`, again and again until it has them.

    clock: wall seconds. remember_s: for how many seconds what was sent is remembered, to be sent again. commits: what
    is to be sent with them; without it that is not known. left_tags: where what Redis does not take is left meanwhile,
    for other processes to send. name: by it this process knows its own notices.
    """

    def __init__(
        self,
        second: SecondTier | None,
        history: TagHistory,
        *,
        clock: Callable[[], float],
        remember_s: float = 0,
        commits: CommitPositions | None = None,
        left_tags: LeftTags | None = None,
    ) -> None:
        self.name = secrets.token_hex(8)
        self._second = second
        self._history = history
        self._clock = clock
        self._remember_s = remember_s
        self._commits = commits or CommitPositions()
        self._sent: dict[str, float] = {}  # each tag, and when it was sent last; the latest comes last
        self._unsent: set[str] = set()
        self._sending: set[str] = set()  # on their way, and not to be called sent yet
        self._failing = False  # whether the last try was in vain, or is late
        self._leaving = None if left_tags is None or second is None else Leaving(left_tags)
        self._sender: asyncio.Task[None] | None = None
        self._backoff = Backoff(base_s=0.1, max_s=_SEND_AGAIN_MAX_S)
        self._doubts: set[asyncio.Task[None]] = set()  # one for each write that may yet take effect

    def __repr__(self) -> str:
        sending = self._sender is not None
        unsent, doubts = len(self._unsent), len(self._doubts)
        return f"<InvalidationSender unsent={unsent} sending={sending} doubts={doubts} {self._leaving!r}>"

    @property
    def unheard(self) -> bool:
        """Whether it is known that Redis will not take now what is invalidated."""
        return self._second is not None and (self._failing or self._second.away)

    def invalidate(self, tags: Iterable[str], *, until: asyncio.Event | None = None, left: bool = False) -> None:
        """From here on nothing that was loaded before is fresh in this process, and soon in the others.

        left: whether the tags were left for others already, in the transaction that touched them.

        until: of a write that may yet take effect: set once it no longer may. Until then nothing that is loaded is
        fresh either; and where this process does not live to see it, for as long as what it sent is remembered.
        """
        named = frozenset(tags)
        if not named:
            return
        self._history.invalidated_here(named, self._clock(), to_share=self._second is not None)
        if until is not None:
            write = secrets.token_hex(8)
            self._history.doubt(write, named, math.inf)
            doubt = asyncio.create_task(self._doubt(write, named, until), name="write in doubt")
            self._doubts.add(doubt)
            doubt.add_done_callback(self._doubts.discard)
        elif self._second is not None:
            self._unsent |= named
            if len(self._unsent) > _UNSENT_MAX:
                self._collapse()
            if self._leaving is not None and not left:
                self._leaving.add(named)
            self._begin(self._second)

    def send_again(self) -> None:
        """Send once more what is remembered: to a server in the place of another, and to those who are there already.

        What the old one took last may be lost, and whoever had left it by then heard nothing of it. Here it is known.
        """
        since = self._clock() - self._remember_s
        recent = {tag for tag, at in self._sent.items() if at >= since}
        if recent and self._second is not None:
            self._unsent |= recent
            self._begin(self._second)

    async def send_for_others(self, tags: frozenset[str]) -> frozenset[str] | None:
        """Send what some process invalidated and could not send.

        Returns those tags that this process did not invalidate itself; None where Redis does not take them. How far
        the writer had come is not known with it, so that loads go there until one of them has asked.
        """
        others = tags - self._unsent - self._sending - self._sent.keys()
        if self._second is None or not await self._second.invalidate(tags, self.name, NOTHING_KNOWN):
            return None
        self._history.invalidated_elsewhere(tags)
        self._remember(tags)
        return others

    async def leave(self) -> bool:
        """Leave what Redis has not taken. Returns whether others will send all of it."""
        return self._leaving is not None and await self._leaving.leave()

    async def settle(self, wait_max_s: float) -> bool:
        """Wait until everything is sent, for at most `wait_max_s` seconds. Returns whether it is."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=wait_max_s)
        return not self._unsent and not self._sending

    async def close(self, wait_max_s: float) -> None:
        """Leave what is in doubt to its time, wait as `settle` does, and then leave to others what is not sent."""
        await asyncio.sleep(0)  # so that what began in this turn is told, too
        await end(self._doubts)
        await self.settle(wait_max_s)
        if self._sender is not None:
            await end([self._sender])
        await self.leave()

    async def _doubt(self, write: str, tags: frozenset[str], until: asyncio.Event) -> None:
        lasting = Doubt(write, round(1000 * max(self._remember_s, _DOUBT_MIN_S)))
        try:
            while not until.is_set():
                await self._send_doubt(tags, lasting)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DOUBT_AGAIN_S):
                        await until.wait()
        except asyncio.CancelledError:
            await self._send_doubt(tags, lasting)
            raise
        finally:
            self._history.settled(write)
            # What was loaded meanwhile is old by now, or may be. What others noted says nothing of this write.
            self._commits.note(None)
            self._history.invalidated_here(tags, self._clock(), to_share=self._second is not None)
        while not await self._send_doubt(tags, Doubt(write, 0)):  # noqa: ASYNC110 - Redis does not say when it is back
            await asyncio.sleep(_DOUBT_AGAIN_S)
        self._remember(tags)
        self._history.invalidated_shared(tags - self._unsent - self._sending)

    async def _send_doubt(self, tags: frozenset[str], doubt: Doubt) -> bool:
        """Tell the others of a write in doubt, with its invalidation. Returns whether Redis has it."""
        sent = self._second is None or await self._second.invalidate(tags, self.name, NOTHING_KNOWN, doubt)
        if not sent and self._leaving is not None:
            self._leaving.add(tags)
            await self._leaving.leave()
        return sent

    def _begin(self, second: SecondTier) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(second), name="invalidation sender")

    async def _send(self, second: SecondTier, committed: Committed) -> bool:
        """Send what is on its way. Returns whether Redis has it; while it does not say so for long, it is left."""
        leaving = asyncio.create_task(self._leave_when_late(), name="late invalidations")
        try:
            return await second.invalidate(self._sending, self.name, committed)
        finally:
            await end([leaving])

    async def _leave_when_late(self) -> None:
        await asyncio.sleep(_LATE_S)
        self._failing = True
        await self.leave()

    def _remember(self, tags: Iterable[str]) -> None:
        now = self._clock()
        for tag in tags:
            self._sent.pop(tag, None)
            self._sent[tag] = now
        while self._sent and next(iter(self._sent.values())) < now - self._remember_s:
            del self._sent[next(iter(self._sent))]
        if len(self._sent) > _UNSENT_MAX:
            self._sent = {EVERYTHING: now}

    def _collapse(self) -> None:
        covered, self._unsent = self._unsent, {EVERYTHING}
        self._history.invalidated_here(self._unsent, self._clock(), to_share=True)
        self._history.invalidated_shared(covered - self._unsent)

    async def _send_all(self, second: SecondTier) -> None:
        attempt = 0
        try:
            while self._unsent:
                self._sending, self._unsent = self._unsent, set()
                committed = self._commits.take()
                done = await self._send(second, committed)
                sending, self._sending = self._sending, set()
                self._failing = not done
                if done:
                    attempt = 0
                    if self._leaving is not None:
                        self._leaving.sent(sending - self._unsent)
                    self._remember(sending)
                    # What was invalidated again meanwhile is not yet sent.
                    self._history.invalidated_shared(sending - self._unsent)
                    await asyncio.sleep(COALESCE_S)
                else:
                    attempt += 1
                    self._unsent |= sending
                    self._commits.give_back(committed)
                    await self.leave()
                    await asyncio.sleep(self._backoff.wait_s(attempt))
        finally:
            self._sender = None
