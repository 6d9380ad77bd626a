"""A limit on how much of one dependency's work is under way at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BulkheadFull(Exception):
    """Every slot stayed taken for the whole stated wait."""


class Bulkhead:
    """At most `slots` pieces of work at once; the others wait, each for a bounded time.

    A dependency that hangs then holds `slots` requests, and not all of the process (M. Nygard, "Release It!", 2007).
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._free = asyncio.Semaphore(slots)
        self.waiting = 0
        self.taken = 0

    def __repr__(self) -> str:
        return f"<Bulkhead slots={self._slots} taken={self.taken} waiting={self.waiting}>"

    @asynccontextmanager
    async def slot(self, wait_max_s: float) -> AsyncIterator[None]:
        """Hold a slot for the block. Raises BulkheadFull when none came free within `wait_max_s` seconds."""
        await self._enter(wait_max_s)
        try:
            yield
        finally:
            self.taken -= 1
            self._free.release()

    async def _enter(self, wait_max_s: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(wait_max_s):
                await self._free.acquire()
            self.taken += 1
        except TimeoutError:
            raise BulkheadFull from None
        finally:
            self.waiting -= 1
