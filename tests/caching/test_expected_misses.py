"""Where nothing was found in Redis for a while, the lease is asked for at once; what Redis has after all is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import Held, Lease, Snapshot
from tests.caching.opened_tier import TAGS, entry, opened
from tests.support.cache import TTL_S, Origin, Process, asked, asked_then, expect_misses, process
from tests.support.clock import StillClock
from tests.support.redis_names import KEYS
from tests.support.waiting import until


class CountingTier(RedisTier):
    """A tier that counts how often it is looked into without asking for a lease."""

    looks = 0

    async def read(self, key: str, tags: tuple[str, ...]) -> Snapshot | None:
        """Count it."""
        self.looks += 1
        return await super().read(key, tags)


@asynccontextmanager
async def expecting(url: str, clock: StillClock) -> AsyncIterator[tuple[Process, CountingTier]]:
    """A process that expects misses, and its tier, which has counted nothing since."""
    async with process(url, clock, tier_type=CountingTier) as one:
        await expect_misses(one.cache)
        assert isinstance(one.tier, CountingTier)
        one.tier.looks = 0
        yield one, one.tier


async def test_a_lease_is_given_only_where_nothing_is_kept(redis_url: str) -> None:
    """In one step: the lease; that another has it; or the entry and the generations, and no lease."""
    kept = entry()
    async with opened(redis_url) as at:
        lease = await at.tier.read_or_acquire("key", TAGS)
        assert isinstance(lease, Lease)
        assert isinstance(await at.tier.read_or_acquire("key", TAGS), Held)
        kept.generations = lease.generations
        assert await at.tier.store(lease, kept, now=kept.loaded_at)
        assert Snapshot(kept, lease.generations) == await at.tier.read_or_acquire("key", TAGS)
        assert not await at.redis.exists(KEYS.lease("key"))
        await at.redis.delete(KEYS.generation("two"))
        assert Snapshot(kept, (lease.generations[0], None)) == await at.tier.read_or_acquire("key", TAGS)
        # As after a failover: what another server made confirms nothing.
        at.tier.primary.mark = "another"
        assert Snapshot(kept, (None, None)) == await at.tier.read_or_acquire("key", TAGS)


async def test_an_expected_miss_is_not_looked_up(redis_url: str) -> None:
    """After so many loads in a row one step in Redis is saved; callers that are no task are told to make one."""
    async with expecting(redis_url, StillClock()) as (one, tier):
        origin = Origin()
        assert not one.cache.ask_then(one.cache.question("key", origin, TAGS), lambda _: None)
        lookups = await asyncio.gather(*[asked(one.cache, "key", origin, TAGS) for _ in range(5)])
        assert [(Outcome.MISS, b"load 1")] * 5 == [(lookup.outcome, lookup.value.body) for lookup in lookups]
        assert [False] + [True] * 4 == [lookup.collapsed for lookup in lookups]
        assert (0, 1) == (tier.looks, origin.loads)


async def test_what_redis_has_after_all_is_given(redis_url: str) -> None:
    """The page of another process is a hit, nobody holds its lease, and from then on Redis is looked into first."""
    clock, origin = StillClock(), Origin()
    async with expecting(redis_url, clock) as (one, tier), process(redis_url, clock) as other:
        for key in ("key", "another"):
            await asked(other.cache, key, origin, TAGS)
        await other.cache.settle()
        assert Outcome.REDIS_HIT is (await asked(one.cache, "key", origin, TAGS)).outcome
        assert not await tier.redis.exists(KEYS.lease("key"))
        found = await asked_then(one.cache, one.cache.question("another", origin, TAGS))
        assert found is not None
        assert Outcome.REDIS_HIT is found.outcome
        assert 2 == origin.loads


async def test_what_redis_has_as_stale_is_served_and_refreshed(redis_url: str) -> None:
    """As after a look: the stale page at once, one load behind."""
    clock, origin = StillClock(), Origin()
    async with expecting(redis_url, clock) as (one, _), process(redis_url, clock) as other:
        await asked(other.cache, "key", origin, TAGS)
        await other.cache.settle()
        clock.now_s += TTL_S + 1
        stale = await asked(one.cache, "key", origin, TAGS)
        assert (Outcome.STALE, b"load 1") == (stale.outcome, stale.value.body)
        await until(lambda: "in_flight=0" in repr(one.cache))
        assert b"load 2" == (await asked(one.cache, "key", origin, TAGS)).value.body
        assert 2 == origin.loads


async def test_what_is_kept_and_of_no_use_is_replaced(redis_url: str) -> None:
    """Rubbish under the entry's key is no answer: the lease is asked for again, and the load overwrites it."""
    async with expecting(redis_url, StillClock()) as (one, tier):
        await tier.redis.set(KEYS.entry("key"), b"rubbish")
        origin = Origin()
        assert Outcome.MISS is (await asked(one.cache, "key", origin, TAGS)).outcome
        await one.cache.settle()
        snapshot = await tier.read("key", TAGS)
        assert snapshot is not None
        assert snapshot.entry is not None
        assert (1, b"load 1") == (origin.loads, snapshot.entry.value.body)


async def test_a_hit_does_not_wait_for_a_slot(redis_url: str) -> None:
    """While every slot of the origin is taken Redis is looked into first."""
    clock, held_up = StillClock(), Origin()
    held_up.gate = asyncio.Event()
    async with expecting(redis_url, clock) as (one, tier), process(redis_url, clock) as other:
        await asked(other.cache, "key", Origin(), TAGS)
        await other.cache.settle()
        loads = [asyncio.create_task(asked(one.cache, f"slow {number}", held_up)) for number in range(10)]
        await until(lambda: held_up.running == 10)
        tier.looks = 0
        assert Outcome.REDIS_HIT is (await asked(one.cache, "key", held_up, TAGS)).outcome
        assert 1 == tier.looks
        held_up.gate.set()
        await asyncio.gather(*loads)
