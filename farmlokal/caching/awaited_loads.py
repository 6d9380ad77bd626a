"""Waiting for a load that another process leads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class AwaitedLoads:
    """The keys whose loads, led by other processes, somebody in this process waits for."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Event] = {}

    def __repr__(self) -> str:
        return f"<AwaitedLoads keys={len(self._awaited)}>"

    def __len__(self) -> int:
        return len(self._awaited)

    @contextmanager
    def expect(self, key: str) -> Iterator[None]:
        """Remember within the block that the load of `key` finishes, for `wait_for`.

        Entered before the lease is asked for: the notice of the end may come before the answer. One waiter per key:
        the others of this process follow it.
        """
        event = self._awaited[key] = asyncio.Event()
        try:
            yield
        finally:
            if self._awaited.get(key) is event:
                del self._awaited[key]

    async def wait_for(self, key: str, wait_max_s: float) -> None:
        """Wait until the expected load of `key` is finished, for at most `wait_max_s` seconds."""
        try:
            async with asyncio.timeout(wait_max_s):
                await self._awaited[key].wait()
        except TimeoutError:
            return

    def finished(self, key: str) -> None:
        """Wake whoever waits for `key`: its load has ended, well or not."""
        event = self._awaited.get(key)
        if event is not None:
            event.set()

    def all_may_be_finished(self) -> None:
        """Wake everybody, to look for themselves: notices of ends may have been missed."""
        for event in self._awaited.values():
            event.set()
