"""A staleness oracle: every answer that is called fresh, in four processes, is held against the writes.

The stated bound: with notices arriving, what was acknowledged NOTICED_S before a request began is seen by whatever is
called fresh (100 ms to coalesce, the rest for delivery on a busy machine); with notices lost, the fresh time and its
jitter take the place of that.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from typing import Any

import pytest

from tests.caching.workers import workers
from tests.support.own_servers import StartRedis

KEYS = [f"product/{number}" for number in range(40)]
TTL_S = 1.5
NOTICED_S = 0.5
LOST_S = TTL_S * 1.1 + 0.5
WRITERS, READERS = 2, 2


def worst_staleness_s(answers: list[dict[str, Any]]) -> tuple[float, int]:
    """By how much the worst of the answers that were called fresh was late, and how many answers were looked at.

    Late: the age, when it was asked for, of the oldest acknowledged write that it did not show. A row is the number of
    its writes so far, so that what is missing is a comparison.
    """
    writes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for answer in answers:
        for key, acknowledged_at, number in answer["writes"]:
            writes[key].append((acknowledged_at, number))
    worst = 0.0
    count = 0
    for history in writes.values():
        history.sort()
    for answer in answers:
        for key, asked_at, number in answer["readings"]:
            count += 1
            history = writes[key]
            before = history[: bisect_right(history, (asked_at, float("inf")))]
            missing = [at for at, written in before if written > number]
            if missing:
                worst = max(worst, asked_at - min(missing))
    return worst, count


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


@pytest.mark.parametrize("duration_s", [4, pytest.param(20, marks=pytest.mark.proof)])
async def test_with_notices_staleness_is_short(redis_url: str, own_redis: StartRedis, duration_s: float) -> None:
    """No answer called fresh misses a write that was acknowledged longer ago than the notices take."""
    worst_s, count = await race(redis_url, own_redis().url(), duration_s)
    assert worst_s < NOTICED_S
    assert count > 100 * duration_s


@pytest.mark.parametrize("duration_s", [4, pytest.param(20, marks=pytest.mark.proof)])
async def test_without_notices_it_is_the_fresh_time(redis_url: str, own_redis: StartRedis, duration_s: float) -> None:
    """With every notice lost, and nobody noticing, staleness shows, and stays within the fresh time."""
    worst_s, count = await race(redis_url, own_redis().url(), duration_s, tier="silent")
    assert NOTICED_S < worst_s < LOST_S
    assert count > 100 * duration_s


def test_the_oracle_sees_what_is_stale() -> None:
    """An answer that shows the write before the last one is as late as the last one is old."""
    writes = [("a", 10.0, 1), ("a", 12.0, 2), ("b", 11.0, 1)]
    readings = [("a", 12.5, 1), ("a", 11.0, 1), ("b", 20.0, 1), ("a", 12.6, 2)]
    assert (0.5, 4) == worst_staleness_s([{"writes": writes, "readings": readings}])
