"""Following one request: which files of the package run code for it, in whatever task, callback or thread that is.

What a service does by itself meanwhile (sampling, probing, flushing counters) runs in tasks that began with it, and is
left out. A request may pass through one of those: then its flow names it.
"""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import farmlokal

_PACKAGE = f"{Path(farmlokal.__file__).parent}/"
_FINISH_MAX_S = 10


class Follower:
    """Collects the files of the package in which a function is entered while `following`.

    To be made before any thread of the service: a thread is followed from its start or never.
    """

    def __init__(self) -> None:
        self._files: dict[str, None] | None = None
        self._background: frozenset[asyncio.Task[Any]] = frozenset()
        self._left_out: frozenset[asyncio.Task[Any]] = frozenset()
        threading.setprofile(self._on_event)

    def __repr__(self) -> str:
        return f"<Follower files={self._files} background={len(self._background)}>"

    def close(self) -> None:
        """Follow no thread that starts from now on."""
        threading.setprofile(None)

    def take_as_background(self) -> None:
        """Take every task that runs now, but the caller's own, for the service's own work."""
        self._background = frozenset(asyncio.all_tasks() - {asyncio.current_task()})

    @contextmanager
    def following(self, *through: str) -> Iterator[dict[str, None]]:
        """Collect files inside the block, as paths relative to the package, in the order in which they are entered.

        through: names of background tasks that the request passes through. Raises LookupError when no task has such a
        name: what it does would be missing from the count.
        """
        if missing := set(through) - {task.get_name() for task in asyncio.all_tasks()}:
            raise LookupError(f"no task is called {missing}")
        self._left_out = frozenset(task for task in self._background if task.get_name() not in through)
        files: dict[str, None] = {}
        self._files = files
        sys.setprofile(self._on_event)
        try:
            yield files
        finally:
            sys.setprofile(None)
            self._files = None

    def _on_event(self, frame: FrameType, event: str, _: object) -> None:
        # A coroutine that goes on is a call, too.
        if event != "call" or self._files is None:
            return
        path = frame.f_code.co_filename
        if path.startswith(_PACKAGE) and _running_task() not in self._left_out:
            self._files.setdefault(path.removeprefix(_PACKAGE))


@contextmanager
def following_possible() -> Iterator[Follower]:
    """A follower of what starts inside the block."""
    follower = Follower()
    try:
        yield follower
    finally:
        follower.close()


async def finish_since(before: set[asyncio.Task[Any]]) -> None:
    """Return once every task that is not in `before` has ended. Raises TimeoutError when one goes on."""
    async with asyncio.timeout(_FINISH_MAX_S):
        while started := asyncio.all_tasks() - before:
            await asyncio.wait(started)


def _running_task() -> asyncio.Task[Any] | None:
    """The task that runs in this thread; None in a callback, or where there is no event loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
