"""A second tier that never gets anything done."""

import asyncio
from collections.abc import Callable, Iterable

from farmlokal.caching.entry import Entry
from farmlokal.caching.second_tier import NOTHING_KNOWN, Doubt, Lease, Snapshot
from farmlokal.resilience.commit_positions import Committed, Position


class HangingTier:
    """A second tier that holds nothing and whose writes never end."""

    away = False

    async def read(self, key: str, tags: tuple[str, ...]) -> Snapshot:
        """Nothing is there."""
        return Snapshot(None, tuple(None for _ in tags))

    def read_then(self, key: str, tags: tuple[str, ...], then: Callable[[Snapshot | None], object]) -> None:
        """Nothing is there."""
        asyncio.get_running_loop().call_soon(then, Snapshot(None, tuple(None for _ in tags)))

    async def acquire(self, key: str, tags: tuple[str, ...]) -> Lease:
        """The lease goes to whoever asks."""
        generations = tuple("generation" for _ in tags)
        return Lease(key, "token", tags, generations, Snapshot(None, generations))

    async def read_or_acquire(self, key: str, tags: tuple[str, ...]) -> Lease:
        """Nothing is there, and the lease goes to whoever asks."""
        return await self.acquire(key, tags)

    async def renew(self, lease: Lease) -> bool:
        """It is held."""
        return True

    async def store(self, lease: Lease, entry: Entry, *, now: float) -> bool:
        """Wait for ever."""
        return await asyncio.Event().wait()

    async def release(self, lease: Lease) -> bool:
        """It was held."""
        return True

    async def invalidate(
        self, tags: Iterable[str], sender: str, committed: Committed = NOTHING_KNOWN, doubt: Doubt | None = None
    ) -> bool:
        """Wait for ever."""
        return await asyncio.Event().wait()

    async def learn(self, unknown: str, position: Position) -> bool:
        """Nothing is."""
        return False
