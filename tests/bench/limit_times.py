"""What one decision of the rate limiter costs, beside the least that anything awaited costs."""

import asyncio
import time
from collections.abc import Callable
from itertools import count

from farmlokal.limiting.limiter import CLIENTS_MAX, RateLimiter
from farmlokal.limiting.quotas import Quota

_DECISIONS = 50_000
# The fastest of so many runs: whatever else the machine does can only make one slower.
_RUNS = 7
# Nobody is refused; and everybody is, after the first few.
_AMPLE, _SCARCE = Quota("default", 1_000_000_000, 60), Quota("default", 100, 3600)


def limit_times_ns() -> dict[str, float]:
    """Nanoseconds of each kind of decision, the measuring loop included, and of the reference."""
    clients = count()
    crowded, ample, scarce = (RateLimiter([quota]).decider("default") for quota in (_AMPLE, _AMPLE, _SCARCE))
    for _ in range(CLIENTS_MAX):
        crowded(f"client {next(clients)}")
    return {
        "an admitted request": _fastest_ns(lambda: ample("203.0.113.5")),
        "a refused request": _fastest_ns(lambda: scarce("203.0.113.5")),
        "a new client, the table full": _fastest_ns(lambda: crowded(f"client {next(clients)}")),
        "reference": asyncio.run(_fastest_await_ns()),
    }


def _fastest_ns(decide: Callable[[], object]) -> float:
    def run() -> float:
        started = time.perf_counter_ns()
        for _ in range(_DECISIONS):
            decide()
        return time.perf_counter_ns() - started

    return min(run() for _ in range(_RUNS)) / _DECISIONS


async def _fastest_await_ns() -> float:
    kept = {"203.0.113.5": 1}

    async def look(client: str) -> int:
        return kept[client]

    async def run() -> float:
        started = time.perf_counter_ns()
        for _ in range(_DECISIONS):
            await look("203.0.113.5")
        return time.perf_counter_ns() - started

    return min([await run() for _ in range(_RUNS)]) / _DECISIONS
