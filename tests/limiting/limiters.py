"""Several limiters on one Redis, each with what a process of its own would have: its own table, its own clock."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis
from typing_extensions import override

from farmlokal.app.dependencies import redis_client
from farmlokal.app.resources import (
    background,
)
from farmlokal.limiting import shared as shared_limit
from farmlokal.limiting.clients import QuotaClients, TrackedClient
from farmlokal.limiting.limiter import RateLimiter
from farmlokal.limiting.quotas import Quota
from farmlokal.limiting.shared import SharedLimit
from tests.support.redis_names import IDENTITY

CLIENT = "192.0.2.1"


class WatchedLimit(SharedLimit):
    """A shared limit that counts how often it asked Redis, and notes how long the longest answer took, in seconds."""

    rounds = 0
    longest_s = 0.0

    @override
    async def _exchange(self, quota: QuotaClients, clients: Sequence[TrackedClient]) -> None:
        began = time.monotonic()
        try:
            await super()._exchange(quota, clients)
        finally:
            self.rounds += 1
            self.longest_s = max(self.longest_s, time.monotonic() - began)


class Processes:
    """Limiters of one quota. With `shared` they are reconciled, each by its own WatchedLimit."""

    def __init__(self, quota: Quota, redises: list[Redis | None]) -> None:
        self.quota = quota
        self.limiters: list[RateLimiter] = []
        self.shared: list[WatchedLimit] = []
        for redis in redises:
            clock = _clock()
            limiter = RateLimiter([quota], clock=clock)
            self.limiters.append(limiter)
            if redis is not None:
                self.shared.append(WatchedLimit(redis, limiter, IDENTITY, clock=clock))

    @property
    def rounds(self) -> int:
        """How often each asked Redis at least."""
        return min(shared.rounds for shared in self.shared)

    @property
    def longest_s(self) -> float:
        """How long the longest answer of Redis took."""
        return max(shared.longest_s for shared in self.shared)

    async def reconcile(self) -> None:
        """Reconcile each once, one after the other."""
        for shared in self.shared:
            await shared.reconcile()

    async def introduce(self) -> None:
        """Let each know of all the others, which it would within a second by itself."""
        for shared in self.shared * 2:
            await shared._exchange(self.limiters[0].quota_clients[self.quota.name], [])

    def flood(self, client: str = CLIENT) -> int:
        """Ask each process until it refuses; how many requests were admitted."""
        return sum(self.flood_one(place, client) for place in range(len(self.limiters)))

    def flood_one(self, place: int, client: str = CLIENT) -> int:
        """Ask one process until it refuses; how many requests were admitted."""
        admitted = 0
        while self.limiters[place].take(self.quota.name, client).allowed:
            admitted += 1
        return admitted

    async def flood_for(self, duration_s: float) -> list[float]:
        """Ask all for so long; the times of what was admitted."""
        end = time.monotonic() + duration_s
        admitted = []
        while (now := time.monotonic()) < end:
            admitted += [now] * self.flood()
            await asyncio.sleep(0.002)
        return admitted


def _clock() -> Callable[[], float]:
    """A clock that agrees with no other but in how long a second is."""
    offset_s = random.uniform(0, 1e6)
    return lambda: time.monotonic() + offset_s


@asynccontextmanager
async def processes(
    number: int, quota: Quota, redis_url: str | None, *, keep: bool = False
) -> AsyncIterator[Processes]:
    """`number` of them. keep: reconcile in the background."""
    async with AsyncExitStack() as stack:
        redises: list[Redis | None] = []
        for _ in range(number):
            redis = redis_client(redis_url, shared_limit.WAIT_MAX_S) if redis_url else None
            redises.append(redis)
            if redis is not None:
                stack.push_async_callback(redis.aclose)
        group = Processes(quota, redises)
        await group.reconcile()
        if all(limiter.shared for limiter in group.limiters):
            await group.introduce()
        if keep:
            for shared in group.shared:
                await stack.enter_async_context(background(shared.keep(), "rate limit"))
        yield group
