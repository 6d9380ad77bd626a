"""A staleness oracle: every answer that is called fresh, in four processes, is held against the writes.

The stated bound: with notices arriving, what was acknowledged NOTICED_S before a request began is seen by whatever is
called fresh (100 ms to coalesce, the rest for delivery on a busy machine); with notices lost, the fresh time and its
jitter take the place of that.
"""

import asyncio

import pytest

from tests.caching.workers import workers
from tests.support.lateness import lateness
from tests.support.own_servers import StartRedis
from tests.support.staleness import worst_staleness_s

KEYS = [f"product/{number}" for number in range(40)]
TTL_S = 1.5
NOTICED_S = 0.5
LOST_S = TTL_S * 1.1 + 0.5
WRITERS, READERS = 2, 2
DURATION_S = 20


async def race(redis_url: str, origin_url: str, duration_s: float, *, tier: str = "") -> tuple[float, int]:
    """Four processes for `duration_s`. tier: "silent" where the notices are to be lost, and nobody to notice."""
    options = {"ttl_s": TTL_S, "stale_s": 60, "wait_max_s": 2.0, "tier": tier}
    async with workers(WRITERS + READERS, redis_url, origin_url, **options) as group:
        await group.origin.mset({f"value:{key}": "0" for key in KEYS})
        names = ["writer"] * WRITERS + ["reader"] * READERS
        answers = await asyncio.gather(
            *(
                worker.ask("race", keys=KEYS, duration_s=duration_s, name=name)
                for worker, name in zip(group.workers, names, strict=True)
            )
        )
    return worst_staleness_s(answers)


@pytest.mark.proof
async def test_with_notices_staleness_is_short(redis_url: str, own_redis: StartRedis) -> None:
    """No answer called fresh misses a write that was acknowledged longer ago than the notices take."""
    async with lateness() as late:
        worst_s, count = await race(redis_url, own_redis().url(), DURATION_S)
    assert worst_s < NOTICED_S + late.allowed_s
    assert count > 100 * DURATION_S


@pytest.mark.proof
async def test_without_notices_it_is_the_fresh_time(redis_url: str, own_redis: StartRedis) -> None:
    """With every notice lost, and nobody noticing, staleness shows, and stays within the fresh time."""
    async with lateness() as late:
        worst_s, count = await race(redis_url, own_redis().url(), DURATION_S, tier="silent")
    assert NOTICED_S < worst_s < LOST_S + late.allowed_s
    assert count > 100 * DURATION_S


def test_the_oracle_sees_what_is_stale() -> None:
    """An answer that shows the write before the last one is as late as the last one is old."""
    writes = [("a", 10.0, 1), ("a", 12.0, 2), ("b", 11.0, 1)]
    readings = [("a", 12.5, 1), ("a", 11.0, 1), ("b", 20.0, 1), ("a", 12.6, 2)]
    assert (0.5, 4) == worst_staleness_s([{"writes": writes, "readings": readings}])
