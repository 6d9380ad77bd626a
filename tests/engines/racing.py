"""Processes that read and write through the cache while something happens to their Redis."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.caching.workers import Group, workers
from tests.support.lateness import lateness
from tests.support.staleness import worst_staleness_s

KEYS = [f"product/{number}" for number in range(40)]
# Far longer than a test: nothing is old enough by itself to be no longer called fresh.
TTL_S = 600
PROCESSES = ("writer", "writer", "reader", "reader")
# So long, in seconds, they go on at least after what happened.
AFTER_S = 2.0


class Raced(NamedTuple):
    """What came of a race. worst_s: by how much the worst answer that was called fresh was late.

    after_s, after: the same of what was asked after what happened, and how many answers that were. outcomes: how many
    answers had which. machine_s: by how much the machine alone may have held a notice up.
    """

    worst_s: float
    after_s: float
    after: int
    outcomes: Counter[str]
    machine_s: float


async def race(redis_url: str, origin_url: str, duration_s: float, happen: Callable[[], Awaitable[float]]) -> Raced:
    """Four processes for `duration_s` seconds, and beside them `happen`, which returns when that was over.

    Where it takes longer than that, they begin again.
    """
    async with (
        workers(len(PROCESSES), redis_url, origin_url, ttl_s=TTL_S, stale_s=TTL_S, wait_max_s=1.0) as group,
        lateness() as late,
    ):
        await group.origin.mset({f"value:{key}": "0" for key in KEYS})
        racing = _begun(group, duration_s)
        over_at = await happen()
        answers = await asyncio.gather(*racing)
        if (left_s := over_at + AFTER_S - time.time()) > 0:
            answers += await asyncio.gather(*_begun(group, left_s))
    worst_s, _ = worst_staleness_s(answers)
    later = [{**answer, "readings": [one for one in answer["readings"] if one[1] > over_at]} for answer in answers]
    after_s, after = worst_staleness_s(later)
    outcomes: Counter[str] = Counter()
    for answer in answers:
        outcomes.update(answer["outcomes"])
    return Raced(worst_s, after_s, after, outcomes, late.allowed_s)


def _begun(group: Group, duration_s: float) -> list[asyncio.Future[dict[str, Any]]]:
    """Let every process read, and some write, for so long; their answers, when they come."""
    return [
        worker.begin("race", keys=KEYS, duration_s=duration_s, name=name)
        for worker, name in zip(group.workers, PROCESSES, strict=True)
    ]
