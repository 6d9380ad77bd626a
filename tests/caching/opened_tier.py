"""A second tier on a real Redis, beside a connection of the test's own."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from farmlokal.app.dependencies import redis_client
from farmlokal.caching.entry import Entry
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import Lease
from farmlokal.caching.value import Value
from tests.support.redis_names import IDENTITY

# Longer than a busy machine makes anybody wait, and what a test takes for a Redis that does not answer.
WAIT_MAX_S, SHORT_WAIT_S = 5.0, 0.1
TAGS = ("one", "two")


@dataclass
class Opened:
    """A tier, and a connection of the test's own to the same Redis."""

    tier: RedisTier
    redis: Redis

    async def lease(self, key: str = "key") -> Lease:
        """The lease on `key`, which nobody has."""
        lease = await self.tier.acquire(key, TAGS)
        assert isinstance(lease, Lease)
        return lease

    async def keep(self, kept: Entry, key: str = "key") -> bool:
        """Store `kept` as a load would have; whether it was kept."""
        lease = await self.lease(key)
        kept.generations = lease.generations
        return await self.tier.store(lease, kept, now=kept.loaded_at)

    async def entry(self, key: str = "key") -> Entry | None:
        """The entry that the tier reads."""
        reading = await self.tier.read(key, TAGS)
        return None if reading is None else reading.entry


@asynccontextmanager
async def opened(
    url: str, wait_max_s: float = WAIT_MAX_S, *, own_url: str | None = None, positions: bool = False
) -> AsyncIterator[Opened]:
    """A tier on the Redis at `url`, as the service makes it; with readers where leases are to say positions.

    own_url: for its own connection.
    """
    client = redis_client(url, wait_max_s)
    async with Redis.from_url(own_url or url) as own:
        try:
            yield Opened(RedisTier(client, IDENTITY, wait_max_s=wait_max_s, positions=positions), own)
        finally:
            await client.aclose()


def entry(body: bytes = b"body", *, lifetime_s: float = 60) -> Entry:
    """An entry that was loaded now and is kept for `lifetime_s`."""
    now = time.time()
    return Entry(Value(body, (("next", "cursor"),)), now, now + lifetime_s / 2, now + lifetime_s)
