"""Sending this process's invalidations: the first of a burst at once, the following together."""

import asyncio
import secrets
from collections.abc import Callable, Iterable

from farmlokal.caching.second_tier import SecondTier
from farmlokal.caching.tag_history import EVERYTHING, TagHistory
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.ending import end

# With the round trip to Redis, what follows the first is sent within 100 ms.
COALESCE_S = 0.08
# While Redis is away unsent tags add up; more than these are sent as one.
_UNSENT_MAX = 10_000


class InvalidationSender:
    """Applies invalidations here at once, and sends them through `second`, again and again until it has them.

    clock: wall seconds. name: by it this process knows its own notices.
    """

    def __init__(self, second: SecondTier | None, history: TagHistory, *, clock: Callable[[], float]) -> None:
        self.name = secrets.token_hex(8)
        self._second = second
        self._history = history
        self._clock = clock
        self._unsent: set[str] = set()
        self._sending: set[str] = set()  # on their way, and not to be called sent yet
        self._sender: asyncio.Task[None] | None = None
        self._backoff = Backoff(base_s=0.1, max_s=1.0)

    def __repr__(self) -> str:
        return f"<InvalidationSender unsent={len(self._unsent)} sending={self._sender is not None}>"

    def invalidate(self, tags: Iterable[str]) -> None:
        """From here on nothing that was loaded before is fresh in this process, and soon in the others."""
        named = frozenset(tags)
        if not named:
            return
        self._history.invalidated_here(named, self._clock(), to_share=self._second is not None)
        if self._second is None:
            return
        self._unsent |= named
        if len(self._unsent) > _UNSENT_MAX:
            self._collapse()
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(self._second), name="invalidation sender")

    async def settle(self, wait_max_s: float) -> bool:
        """Wait until everything is sent, for at most `wait_max_s` seconds. Returns whether it is."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=wait_max_s)
        return not self._unsent and not self._sending

    async def close(self, wait_max_s: float) -> None:
        """Wait as `settle` does, and then give up what is not sent."""
        await self.settle(wait_max_s)
        if self._sender is not None:
            await end([self._sender])

    def _collapse(self) -> None:
        covered, self._unsent = self._unsent, {EVERYTHING}
        self._history.invalidated_here(self._unsent, self._clock(), to_share=True)
        self._history.invalidated_shared(covered - self._unsent)

    async def _send_all(self, second: SecondTier) -> None:
        attempt = 0
        try:
            while self._unsent:
                self._sending, self._unsent = self._unsent, set()
                done = await second.invalidate(self._sending, self.name)
                sending, self._sending = self._sending, set()
                if done:
                    attempt = 0
                    # What was invalidated again meanwhile is not yet sent.
                    self._history.invalidated_shared(sending - self._unsent)
                    await asyncio.sleep(COALESCE_S)
                else:
                    attempt += 1
                    self._unsent |= sending
                    await asyncio.sleep(self._backoff.wait_s(attempt))
        finally:
            self._sender = None
