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


class Invalidator:
    """Applies invalidations here at once and tells the others through `second`, again and again until it has them."""

    def __init__(self, second: SecondTier | None, history: TagHistory, *, clock: Callable[[], float]) -> None:
        """clock: wall seconds."""
        self.name = secrets.token_hex(8)
        self._second = second
        self._history = history
        self._clock = clock
        self._unsent: set[str] = set()
        self._sending: set[str] = set()  # on their way, and not to be called sent yet
        self._sender: asyncio.Task[None] | None = None
        self._backoff = Backoff(base_s=0.1, max_s=1.0)

    def __repr__(self) -> str:
        return f"<Invalidator unsent={len(self._unsent)} sending={self._sender is not None}>"

    def invalidate(self, tags: Iterable[str]) -> None:
        """From here on nothing that was loaded before is fresh in this process, and soon in the others."""
        named = frozenset(tags)
        if not named:
            return
        self._history.raised(named, self._clock(), shared=self._second is not None)
        if self._second is None:
            return
        self._unsent |= named
        if len(self._unsent) > _UNSENT_MAX:
            self._collapse()
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(self._second), name="invalidation sender")

    async def settle(self, wait_max_s: float) -> bool:
        """Wait until everything is sent, for at most `wait_max_s` seconds; whether it is."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=wait_max_s)
        return not self._unsent and not self._sending

    async def close(self, wait_max_s: float) -> None:
        """Settle, and give up."""
        await self.settle(wait_max_s)
        if self._sender is not None:
            await end([self._sender])

    def _collapse(self) -> None:
        covered, self._unsent = self._unsent, {EVERYTHING}
        self._history.raised(self._unsent, self._clock(), shared=True)
        self._history.sent(covered - self._unsent)

    async def _send_all(self, second: SecondTier) -> None:
        attempt = 0
        try:
            while self._unsent:
                self._sending, self._unsent = self._unsent, set()
                done = await second.invalidate(self._sending, self.name)
                sending, self._sending = self._sending, set()
                if done:
                    attempt = 0
                    # What was raised again meanwhile is not yet sent.
                    self._history.sent(sending - self._unsent)
                    await asyncio.sleep(COALESCE_S)
                else:
                    attempt += 1
                    self._unsent |= sending
                    await asyncio.sleep(self._backoff.wait_s(attempt))
        finally:
            self._sender = None
