"""A tier and an origin that stop at each step of what they do, so that a test can put a write there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from farmlokal.caching.entry import Entry
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import Held, Lease, Snapshot
from farmlokal.caching.value import Value

T = TypeVar("T")
Hook = Callable[[], Awaitable[None]]
STEPS = (
    *("before read", "after read", "before acquire", "after acquire"),
    *("before load", "after load", "before store", "after store"),
)


class Schedule:
    """Runs one hook, once, at one step."""

    def __init__(self) -> None:
        self.step: str | None = None
        self.hook: Hook | None = None
        self.ran = False

    def arm(self, step: str, hook: Hook) -> None:
        """At `step`, `hook` is to run."""
        self.step, self.hook = step, hook

    async def reach(self, step: str) -> None:
        """The flow has come to `step`."""
        if step == self.step:
            await self.run()

    async def run(self) -> None:
        """Run the hook, unless it has run."""
        if self.hook is not None:
            hook, self.hook = self.hook, None
            await hook()
            self.ran = True


class SteppedTier(RedisTier):
    """The real tier, with a stop before and after each of its calls."""

    schedule: Schedule | None = None

    async def read(self, key: str, tags: tuple[str, ...]) -> Snapshot | None:
        """Read, with a stop before and after."""
        return await self._stepped("read", super().read(key, tags))

    def read_then(self, key: str, tags: tuple[str, ...], then: Callable[[Snapshot | None], object]) -> None:
        """Read likewise, by a task where there are stops."""
        if self.schedule is None:
            super().read_then(key, tags, then)
        else:
            snapshot = asyncio.create_task(self.read(key, tags))
            snapshot.add_done_callback(lambda done: then(done.result()))

    async def acquire(self, key: str, tags: tuple[str, ...]) -> Lease | Held | None:
        """Ask for the lease, with a stop before and after."""
        return await self._stepped("acquire", super().acquire(key, tags))

    async def read_or_acquire(self, key: str, tags: tuple[str, ...]) -> Snapshot | Lease | Held | None:
        """Read or ask for the lease, with a stop before and after."""
        return await self._stepped("acquire", super().read_or_acquire(key, tags))

    async def store(self, lease: Lease, entry: Entry, *, now: float) -> bool:
        """Store, with a stop before and after."""
        return await self._stepped("store", super().store(lease, entry, now=now))

    async def _stepped(self, name: str, call: Awaitable[T]) -> T:
        if self.schedule is not None:
            await self.schedule.reach(f"before {name}")
        result = await call
        if self.schedule is not None:
            await self.schedule.reach(f"after {name}")
        return result


class Database:
    """One row, and a loader that reads it between two steps."""

    def __init__(self, schedule: Schedule) -> None:
        self.row = b"old"
        self._schedule = schedule

    async def load(self) -> Value:
        """The row as it is now."""
        await self._schedule.reach("before load")
        value = Value(self.row)
        await self._schedule.reach("after load")
        return value
