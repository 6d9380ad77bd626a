"""Waiting for a load that another process leads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Landings:
    """Who in this process waits for which key's load to land elsewhere."""

    def __init__(self) -> None:
        self._expected: dict[str, asyncio.Event] = {}

    def __repr__(self) -> str:
        return f"<Landings expected={len(self._expected)}>"

    def __len__(self) -> int:
        return len(self._expected)

    @contextmanager
    def expect(self, key: str) -> Iterator[asyncio.Event]:
        """An event that is set when the load of `key` lands.

        Entered before the lease is asked for: the landing may come before the answer. One waiter per key: the others
        of this process follow it.
        """
        event = self._expected[key] = asyncio.Event()
        try:
            yield event
        finally:
            if self._expected.get(key) is event:
                del self._expected[key]

    def landed(self, key: str) -> None:
        """The load of `key` has landed, or failed."""
        event = self._expected.get(key)
        if event is not None:
            event.set()

    def all_landed(self) -> None:
        """Landings may have been missed: everybody looks for himself."""
        for event in self._expected.values():
            event.set()


async def wait_for_landing(event: asyncio.Event, wait_max_s: float) -> None:
    """Wait until `event` is set, for at most `wait_max_s` seconds."""
    try:
        async with asyncio.timeout(wait_max_s):
            await event.wait()
    except TimeoutError:
        return
