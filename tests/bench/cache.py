"""The cache tier beside cashews, aiocache and the bare means: an awaited coroutine, plain redis-py."""

from collections.abc import Iterator

from tests.bench.cache_load import MEASURED, Rates, measure
from tests.bench.figures import Figure, ratio
from tests.bench.stand import Stand

_SCALE = {"memory hit": "calls", "redis hit": "calls", "miss": "loads", "stampede": "callers"}
# Ours to each reference: at least so many times as fast.
_GOALS = {("memory hit", "coroutine"): ">= 0.2", ("redis hit", "redis-py"): ">= 3.0"}


def cache(stand: Stand) -> Iterator[Figure]:
    """Memory hit, Redis hit (32 at once, memory off), miss and stampede (1,000 callers), calls a second as ratios."""
    rounds: list[Rates] = [
        stand.run(measure, stand.redis.url(), stand.options.seconds) for _ in range(stand.options.rounds)
    ]
    for case, references in MEASURED.items():
        for reference in references:
            pairs = [(rates[case]["farmlokal"], rates[case][reference]) for rates in rounds]
            yield ratio(
                f"cache, {case}: rate against {reference}",
                pairs,
                reference,
                goal=_GOALS.get((case, reference), ">= 1.0"),
                extra={f"{_SCALE[case]}_per_s": round(max(own for own, _ in pairs))},
            )
