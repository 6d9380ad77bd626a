"""Asking a database questions in turn, as many at a time as there are connections, and how long each took."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from typing import TypeVar

from tests.bench.samples import Sample, sample_of

Q = TypeVar("Q")


async def asked(asks: Sequence[Callable[[Q], Awaitable[object]]], questions: Sequence[Q], seconds: float) -> Sample:
    """Ask `questions` in turn for so many seconds, one at a time by each of `asks`, by each once at least."""
    remaining = cycle(questions)
    started = time.perf_counter()
    times_s: list[float] = []

    async def repeat(ask: Callable[[Q], Awaitable[object]]) -> None:
        while True:
            began = time.perf_counter()
            await ask(next(remaining))
            ended = time.perf_counter()
            times_s.append(ended - began)
            if ended >= started + seconds:
                return

    await asyncio.gather(*map(repeat, asks))
    return sample_of(times_s, time.perf_counter() - started)
