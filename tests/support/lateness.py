"""How late a busy machine makes the event loop and its cores, for tests that hold a wait to a bound."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

_TICK_S = 0.01
# One answer takes several turns of the event loop, and each of them may be as late as the latest.
_TURNS = 5


class _Ticks:
    """Short waits one after the other, and by how much the latest of them was late, the one under way included."""

    def __init__(self) -> None:
        self._late_s = 0.0
        self._due = float("inf")

    def begin(self) -> None:
        """Note that the next wait begins."""
        self._due = time.perf_counter() + _TICK_S

    def end(self) -> None:
        """Note that it has ended."""
        self._late_s = self.late_s

    @property
    def late_s(self) -> float:
        """The latest so far."""
        return max(self._late_s, time.perf_counter() - self._due)


class Lateness:
    """The latest turn of this event loop, or of any core, while a block ran, in seconds.

    Of a core, since one that is taken away for a while holds up whichever server runs on it, and not this process.
    """

    def __init__(self) -> None:
        self._running: list[_Ticks] = []
        self._over_s = 0.0

    def __repr__(self) -> str:
        return f"<Lateness max_s={self.max_s:.3f}>"

    @property
    def max_s(self) -> float:
        """The latest so far; once the block has ended, the latest in it."""
        return max([self._over_s, *(ticks.late_s for ticks in self._running)])

    @property
    def allowed_s(self) -> float:
        """By how much the machine alone may have held up one answer, in seconds; next to nothing on an idle one."""
        return _TURNS * self.max_s

    @contextmanager
    def ticking(self) -> Iterator[_Ticks]:
        """Count what ticks inside the block."""
        ticks = _Ticks()
        self._running.append(ticks)
        try:
            yield ticks
        finally:
            self._over_s = self.max_s
            self._running.remove(ticks)


@asynccontextmanager
async def lateness() -> AsyncIterator[Lateness]:
    """Measure while the block runs."""
    found = Lateness()

    async def tick(ticks: _Ticks) -> None:
        while True:
            ticks.begin()
            await asyncio.sleep(_TICK_S)
            ticks.end()

    with ExitStack() as measuring:
        for core in os.sched_getaffinity(0):
            measuring.enter_context(_watched(core, measuring.enter_context(found.ticking())))
        ticking = asyncio.create_task(tick(measuring.enter_context(found.ticking())))
        measuring.callback(ticking.cancel)
        yield found


@contextmanager
def _watched(core: int, ticks: _Ticks) -> Iterator[None]:
    """Have a thread tick on this core until the block ends."""
    over = threading.Event()

    def tick() -> None:
        with contextlib.suppress(OSError):  # a container may have lost the core meanwhile
            os.sched_setaffinity(0, {core})  # of this thread alone
        while not over.is_set():
            ticks.begin()
            over.wait(_TICK_S)
            ticks.end()

    thread = threading.Thread(target=tick, name=f"lateness of core {core}")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    """The block takes less than `limit_s` seconds, but for what the machine may have held it up."""
    async with lateness() as late:
        began = time.perf_counter()
        yield
        took_s = time.perf_counter() - began
    assert took_s < limit_s + late.allowed_s, (took_s, late)
