"""Processes that read and write through the cache while something happens to their Redis."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.caching.workers import workers
from tests.support.staleness import worst_staleness_s

KEYS = [f"product/{number}" for number in range(40)]
# Far longer than a test: nothing is old enough by itself to be no longer called fresh.
TTL_S = 600
PROCESSES = ("writer", "writer", "reader", "reader")


async def race(
    redis_url: str, origin_url: str, duration_s: float, happen: Callable[[], Awaitable[None]]
) -> tuple[float, Counter[str]]:
    """Four processes for `duration_s` seconds, and beside them `happen`.

    Returns by how many seconds the worst answer that was called fresh was late, and how many answers had which outcome.
    """
    async with workers(len(PROCESSES), redis_url, origin_url, ttl_s=TTL_S, stale_s=TTL_S, wait_max_s=1.0) as group:
        await group.origin.mset({f"value:{key}": "0" for key in KEYS})
        racing = [
            worker.begin("race", keys=KEYS, duration_s=duration_s, name=name)
            for worker, name in zip(group.workers, PROCESSES, strict=True)
        ]
        await happen()
        answers = await asyncio.gather(*racing)
    worst_s, _ = worst_staleness_s(answers)
    outcomes: Counter[str] = Counter()
    for answer in answers:
        outcomes.update(answer["outcomes"])
    return worst_s, outcomes
