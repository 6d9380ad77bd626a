"""How late a busy machine makes the event loop, for tests that hold a wait to a bound."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_TICK_S = 0.01
# One answer takes several turns of the event loop, and each of them may be as late as the latest.
_TURNS = 5


class Lateness:
    """The latest turn of this event loop while a block ran, in seconds."""

    def __init__(self) -> None:
        self.max_s = 0.0

    def __repr__(self) -> str:
        return f"<Lateness max_s={self.max_s:.3f}>"

    @property
    def allowed_s(self) -> float:
        """By how much the machine alone may have held up one answer, in seconds; next to nothing on an idle one."""
        return _TURNS * self.max_s


@asynccontextmanager
async def lateness() -> AsyncIterator[Lateness]:
    """Measure while the block runs."""
    found = Lateness()

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            found.max_s = max(found.max_s, time.perf_counter() - began - _TICK_S)

    ticking = asyncio.create_task(tick())
    try:
        yield found
    finally:
        ticking.cancel()


@asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    """The block takes less than `limit_s` seconds, but for what the machine may have held it up."""
    async with lateness() as late:
        began = time.perf_counter()
        yield
        took_s = time.perf_counter() - began
    assert took_s < limit_s + late.allowed_s, (took_s, late)
