"""Loads that wait for what answers nothing: other processes do not wait for them."""

import asyncio

import pytest

from farmlokal.caching import loading
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import Lease
from tests.support.cache import Origin, asked, process
from tests.support.waiting import WAIT_MAX_S, until


class CountingTier(RedisTier):
    """A tier that counts how often leases are prolonged."""

    renewals = 0

    async def renew(self, lease: Lease) -> bool:
        """Prolong it."""
        self.renewals += 1
        return await super().renew(lease)


async def test_a_load_that_hangs_gives_its_lease_up(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it counts as slow, another process waits for it; once it is known to hang, that one loads."""
    monkeypatch.setattr(loading, "_RENEW_EVERY_S", 0.02)
    hanging = False
    cut_off, healthy = Origin("never"), Origin("answer")
    cut_off.gate = asyncio.Event()
    async with (
        process(redis_url, hangs=lambda: hanging, tier_type=CountingTier) as one,
        process(redis_url) as other,
    ):
        assert isinstance(one.tier, CountingTier)
        waiting = [asyncio.create_task(asked(one.cache, "page", cut_off))]
        await until(lambda: one.tier.renewals > 0)  # type: ignore[attr-defined]
        elsewhere = asyncio.create_task(asked(other.cache, "page", healthy))
        renewals = one.tier.renewals
        await until(lambda: one.tier.renewals > renewals + 3)  # type: ignore[attr-defined]
        assert (0, False) == (healthy.loads, elsewhere.done())
        hanging = True
        async with asyncio.timeout(WAIT_MAX_S):
            assert b"answer" == (await elsewhere).value.body
        # From then on none of its loads keeps a lease.
        waiting.append(asyncio.create_task(asked(one.cache, "other", cut_off)))
        await until(lambda: cut_off.running == len(waiting))
        async with asyncio.timeout(WAIT_MAX_S):
            assert b"answer" == (await asked(other.cache, "other", healthy)).value.body
        assert (2, [False, False]) == (healthy.loads, [task.done() for task in waiting])
        cut_off.gate.set()
        await asyncio.gather(*waiting)
