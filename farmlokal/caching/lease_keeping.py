"""Keeping a lease alive while its load runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from farmlokal.caching.redis.keys import LEASE_MS
from farmlokal.caching.second_tier import Lease, SecondTier
from farmlokal.resilience.ending import end

_RENEW_EVERY_S = LEASE_MS / 3000


@asynccontextmanager
async def kept_alive(second: SecondTier | None, lease: Lease | None) -> AsyncIterator[None]:
    """Renew `lease` for as long as the block runs, so that a slow load stays the only one."""
    if second is None or lease is None:
        yield
        return
    renewing: list[asyncio.Task[None]] = []
    # Nearly every load ends before this: a timer costs it a tenth of what a task would.
    timer = asyncio.get_running_loop().call_later(
        _RENEW_EVERY_S, lambda: renewing.append(asyncio.create_task(_renew(second, lease), name=f"lease {lease.key}"))
    )
    try:
        yield
    finally:
        timer.cancel()
        if renewing:
            await end(renewing)


async def _renew(second: SecondTier, lease: Lease) -> None:
    while True:
        # A lease that could not be renewed may be lost; the load goes on all the same, and `store` has the last word.
        await second.renew(lease)
        await asyncio.sleep(_RENEW_EVERY_S)
