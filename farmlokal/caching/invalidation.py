"""Sending this process's invalidations: the first of a burst at once, the following together."""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress

from farmlokal.caching.second_tier import SecondTier
from farmlokal.caching.tag_history import EVERYTHING, TagHistory
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.commit_positions import CommitPositions
from farmlokal.resilience.ending import end

# With the round trip to Redis, what follows the first is sent within 100 ms.
COALESCE_S = 0.08
# How long a page may be called fresh that was loaded while it was not known whether a write takes effect.
_DOUBT_S = 0.5
# While Redis is away unsent tags add up; more than these are sent as one.
_UNSENT_MAX = 10_000


class InvalidationSender:
    """Applies invalidations here at once, and sends them through `second`, again and again until it has them.

    clock: wall seconds. remember_s: for how many seconds what was sent is remembered, to be sent again. commits: what
    is to be sent with them; without it that is not known. name: by it this process knows its own notices.
    """

    def __init__(
        self,
        second: SecondTier | None,
        history: TagHistory,
        *,
        clock: Callable[[], float],
        remember_s: float = 0,
        commits: CommitPositions | None = None,
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
        self._sender: asyncio.Task[None] | None = None
        self._backoff = Backoff(base_s=0.1, max_s=1.0)
        self._doubts: set[asyncio.Task[None]] = set()  # one for each write that may yet take effect

    def __repr__(self) -> str:
        sending = self._sender is not None
        return f"<InvalidationSender unsent={len(self._unsent)} sending={sending} doubts={len(self._doubts)}>"

    def invalidate(self, tags: Iterable[str], *, until: asyncio.Event | None = None) -> None:
        """From here on nothing that was loaded before is fresh in this process, and soon in the others.

        until: of a write that may yet take effect: set once it no longer may. Until then it is done again and again.
        """
        named = frozenset(tags)
        if not named:
            return
        if until is not None:
            doubt = asyncio.create_task(self._invalidate_until(until, named), name="write in doubt")
            self._doubts.add(doubt)
            doubt.add_done_callback(self._doubts.discard)
        self._history.invalidated_here(named, self._clock(), to_share=self._second is not None)
        if self._second is None:
            return
        self._unsent |= named
        if len(self._unsent) > _UNSENT_MAX:
            self._collapse()
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

    async def settle(self, wait_max_s: float) -> bool:
        """Wait until everything is sent, for at most `wait_max_s` seconds. Returns whether it is."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=wait_max_s)
        return not self._unsent and not self._sending

    async def close(self, wait_max_s: float) -> None:
        """Invalidate what is still in doubt once more, wait as `settle` does, and then give up what is not sent."""
        await end(self._doubts)
        await self.settle(wait_max_s)
        if self._sender is not None:
            await end([self._sender])

    async def _invalidate_until(self, until: asyncio.Event, tags: frozenset[str]) -> None:
        try:
            while not until.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DOUBT_S):
                        await until.wait()
                self._commits.note(None)  # what others noted meanwhile says nothing of this write
                self.invalidate(tags)
        except asyncio.CancelledError:
            self.invalidate(tags)
            raise

    def _begin(self, second: SecondTier) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(second), name="invalidation sender")

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
                done = await second.invalidate(self._sending, self.name, committed)
                sending, self._sending = self._sending, set()
                if done:
                    attempt = 0
                    self._remember(sending)
                    # What was invalidated again meanwhile is not yet sent.
                    self._history.invalidated_shared(sending - self._unsent)
                    await asyncio.sleep(COALESCE_S)
                else:
                    attempt += 1
                    self._unsent |= sending
                    self._commits.give_back(committed)
                    await asyncio.sleep(self._backoff.wait_s(attempt))
        finally:
            self._sender = None
