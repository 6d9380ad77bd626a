"""Waiting for what comes to be true, and never for a time."""

import asyncio
from collections.abc import Callable

WAIT_MAX_S = 10


async def until(condition: Callable[[], bool], wait_max_s: float = WAIT_MAX_S) -> None:
    """Wait until `condition` holds. Raises TimeoutError when it does not come to."""
    async with asyncio.timeout(wait_max_s):
        while not condition():  # noqa: ASYNC110 - nothing that is waited for here could set an event
            await asyncio.sleep(0.002)


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)
