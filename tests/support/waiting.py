"""Waiting for what comes to be true, and never for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

WAIT_MAX_S = 30

T = TypeVar("T")


async def until(condition: Callable[[], bool], wait_max_s: float = WAIT_MAX_S) -> None:
    """Wait until `condition` holds. Raises TimeoutError when it does not come to."""
    async with asyncio.timeout(wait_max_s):
        while not condition():  # noqa: ASYNC110 - nothing that is waited for here could set an event
            await asyncio.sleep(0.002)


async def eventually(look: Callable[[], Awaitable[T]], is_it: Callable[[T], bool], wait_max_s: float = WAIT_MAX_S) -> T:
    """Look again and again; return what is found once `is_it` holds for it. Raises TimeoutError when it does not."""
    async with asyncio.timeout(wait_max_s):
        while not is_it(found := await look()):  # noqa: ASYNC110 - as in `until`
            await asyncio.sleep(0.05)
        return found


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)
