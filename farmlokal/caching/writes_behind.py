"""Writes to Redis that no caller waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from farmlokal.resilience.ending import end


class WritesBehind:
    """The writes under way, each a task."""

    def __init__(self) -> None:
        self._writes: set[asyncio.Task[object]] = set()

    def __repr__(self) -> str:
        return f"<WritesBehind {len(self._writes)}>"

    def __len__(self) -> int:
        return len(self._writes)

    def start(self, write: Coroutine[Any, Any, object]) -> None:
        """Begin one."""
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def settle(self, wait_max_s: float) -> None:
        """Wait for those under way, `wait_max_s` seconds at most."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=wait_max_s)

    async def close(self, wait_max_s: float) -> None:
        """The same, and then cancel the late ones."""
        await self.settle(wait_max_s)
        await end(self._writes)
