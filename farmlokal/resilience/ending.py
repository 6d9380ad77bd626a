"""Ending a task for good."""

import asyncio
from collections.abc import Iterable
from typing import Any

# Time for a task's own clean-up before it is cancelled once more.
_PATIENCE_S = 0.5


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and wait until they are done; what they raise is dropped.

    A task is cancelled more than once where need be: a library between us and the task's wait may swallow a
    cancellation that meets an answer or a timeout of its own, and a caller that waits for the task would wait for ever.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_PATIENCE_S)
        for task in done:
            if not task.cancelled():
                task.exception()
