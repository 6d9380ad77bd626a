"""How sure a comparison of two programs is, from rounds in which both were measured."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Below nine tenths is a regression that somebody would want to know of; above it is what noise comes to.
MARGIN = 0.9
_CONFIDENCE = 0.99
_RESAMPLES = 4_000


@dataclass(frozen=True, slots=True)
class Compared:
    """The ratio of the medians of two programs' rates, and the interval in which it is with 99 % confidence."""

    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str | None:
        """`regression` when all of the interval is below the margin, `ok` when all is above; else None: not sure."""
        if self.high < MARGIN:
            return "regression"
        return "ok" if self.low >= MARGIN else None


def compare_rates(rounds: Sequence[tuple[float, float]]) -> Compared:
    """Compare the first of each pair with the second. Raises ValueError without any round.

    The interval is the percentile bootstrap's (B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979):
    whole rounds are drawn again, with replacement, so that what disturbed one round disturbs both programs in it.
    """
    if not rounds:
        raise ValueError("nothing was measured")
    draw = random.Random(1)
    ratios = sorted(_ratio(draw.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))
    outside = round(_RESAMPLES * (1 - _CONFIDENCE) / 2)
    return Compared(_ratio(rounds), ratios[outside], ratios[-1 - outside])


def _ratio(rounds: Sequence[tuple[float, float]]) -> float:
    return median(first for first, _ in rounds) / median(second for _, second in rounds)
