"""Times in buckets that grow with them: as much memory for an hour's as for a second's."""

from array import array
from math import exp, log

_LEAST_S = 1e-6
_BUCKETS_PER_E = 200  # a bucket is half a percent wider than the one before
_BUCKETS = 4_000  # up to eight minutes


class Histogram:
    """Counts of times; a quantile is exact to half a percent."""

    def __init__(self) -> None:
        self.count = 0
        self.max_s = 0.0
        self._buckets = array("Q", bytes(8 * _BUCKETS))

    def add(self, time_s: float) -> None:
        """Count one time."""
        self.count += 1
        self.max_s = max(self.max_s, time_s)
        number = int(log(time_s / _LEAST_S) * _BUCKETS_PER_E) if time_s > _LEAST_S else 0
        self._buckets[min(number, _BUCKETS - 1)] += 1

    def merge(self, other: "Histogram") -> None:
        """Count all of another's."""
        self.count += other.count
        self.max_s = max(self.max_s, other.max_s)
        for number, count in enumerate(other._buckets):
            self._buckets[number] += count

    def quantile_ms(self, share: float) -> float:
        """The time, in milliseconds, that this share of all stays below. Raises ValueError without any."""
        wanted = share * self.count
        passed = 0
        for number, count in enumerate(self._buckets):
            passed += count
            if count and passed >= wanted:
                return 1000 * min(self.max_s, _LEAST_S * exp((number + 1) / _BUCKETS_PER_E))
        raise ValueError("no time was counted")

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} times up to {self.max_s:.6f} s>"
