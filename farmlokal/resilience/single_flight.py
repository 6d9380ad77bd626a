"""One run of a piece of work per key, however many ask for it at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, NamedTuple, TypeVar

from farmlokal.resilience.ending import end

T = TypeVar("T")


class Flown(NamedTuple, Generic[T]):
    """The work's result. follower: whether another caller had started the work."""

    result: T
    follower: bool


class SingleFlight(Generic[T]):
    """The first caller of a key (the leader) starts the work as a task of its own; later ones (followers) share it.

    Every caller waits behind a shield: a cancelled caller cancels nobody else's work, the leader no less than a
    follower. The tasks are tracked, so that `drain` can end them in order.
    """

    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Task[T]] = {}

    def __repr__(self) -> str:
        return f"<SingleFlight in_flight={len(self._flights)}>"

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: object) -> bool:
        return key in self._flights

    async def run(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> Flown[T]:
        """Returns the result of `work`, run now or already under way for `key`. Raises what the work raises."""
        task = self._flights.get(key)
        follower = task is not None
        return Flown(await asyncio.shield(task or self.start(key, work)), follower)

    def start(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Start `work` for `key`, for which none may be under way, without waiting for it. Its errors are dropped."""
        task = asyncio.create_task(work(), name=f"single-flight {key}")
        self._flights[key] = task
        task.add_done_callback(lambda done: self._land(key, done))
        return task

    async def drain(self, wait_max_s: float) -> None:
        """Wait for the work under way; what is not done after `wait_max_s` seconds is cancelled."""
        tasks = list(self._flights.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=wait_max_s)
        await end(late)

    def _land(self, key: str, task: asyncio.Task[T]) -> None:
        if self._flights.get(key) is task:
            del self._flights[key]
        if not task.cancelled():
            # Where every caller was cancelled nobody else retrieves the error, and asyncio would log it as unseen.
            task.exception()
