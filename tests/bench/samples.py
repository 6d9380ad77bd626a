"""What one stretch of load came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """Times of the operations that count, in ms; how many a second, all told; how many failed or did not count.

    uncounted: answers that something other than what is measured gave, a cache for instance. requests: that succeeded.
    """

    median_ms: float
    p99_ms: float
    rate: float
    errors: int = 0
    uncounted: int = 0
    requests: int = 0


def sample_of(times_s: Sequence[float], elapsed_s: float, *, errors: int = 0, uncounted: int = 0) -> Sample:
    """The sample of operations that took `times_s` within `elapsed_s`. Raises ValueError when there were none."""
    if not times_s:
        raise ValueError(f"nothing was measured: {errors} errors, {uncounted} answers that do not count")
    ordered = sorted(times_s)
    p99_s = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    rate = (len(ordered) + uncounted) / elapsed_s
    return Sample(median(ordered) * 1000, p99_s * 1000, rate, errors, uncounted, len(ordered) + uncounted)
