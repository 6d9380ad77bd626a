"""Leases in Redis: one holder, whose token alone writes, and writes nothing that was invalidated meanwhile."""

import asyncio

import pytest

from farmlokal.caching.second_tier import LEASE_MS, Held, Lease
from tests.caching.opened_tier import TAGS, entry, opened
from tests.support.redis_names import KEYS


async def test_one_of_many_gets_the_lease(redis_url: str) -> None:
    """While one has it the others are told how long it may last; given back, it is there for the next."""
    async with opened(redis_url) as at:
        answers = await asyncio.gather(*(at.tier.acquire("key", TAGS) for _ in range(20)))
        (lease,) = [answer for answer in answers if isinstance(answer, Lease)]
        busy = [answer for answer in answers if isinstance(answer, Held)]
        assert 19 == len(busy)
        assert all(0 < answer.expires_in_s <= LEASE_MS / 1000 for answer in busy)
        assert await at.tier.renew(lease)
        assert await at.tier.release(lease)
        assert not await at.tier.release(lease)
        assert not await at.tier.renew(lease)
        assert isinstance(await at.tier.acquire("key", TAGS), Lease)


async def test_who_lost_the_lease_writes_nothing(redis_url: str) -> None:
    """A lease that ran out, and one that another took over since: neither is good for a write, nor for a release."""
    async with opened(redis_url) as at:
        lost = await at.lease()
        kept = entry()
        kept.generations = lost.generations
        await at.redis.delete(KEYS.lease("key"))
        assert not await at.tier.store(lost, kept, now=kept.loaded_at)
        current = await at.lease()
        assert not await at.tier.store(lost, kept, now=kept.loaded_at)
        assert not await at.tier.release(lost)
        assert await at.entry() is None
        assert await at.tier.store(current, kept, now=kept.loaded_at)


@pytest.mark.parametrize("tag", TAGS)
async def test_what_was_invalidated_since_the_load_began_is_not_kept(redis_url: str, tag: str) -> None:
    """One raised generation among several is enough, and so is a Redis that restarted empty; the lease ends."""
    async with opened(redis_url) as at:
        kept = entry()
        lease = await at.lease()
        kept.generations = lease.generations
        assert await at.tier.invalidate([tag], "somebody")
        assert not await at.tier.store(lease, kept, now=kept.loaded_at)
        assert await at.entry() is None
        following = await at.lease()
        assert lease.generations != following.generations
        await at.redis.flushdb()
        assert not await at.tier.store(following, kept, now=kept.loaded_at)
