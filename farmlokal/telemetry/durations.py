"""Durations as a mechanism counts them: plain numbers, independent of what reads them."""

from bisect import bisect_left

# Seconds; what takes longer than the last stands in one more bucket. Half a millisecond is a page from memory, ten
# seconds are the longest that anything of ours waits for.
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Durations:
    """How many durations fell into each bucket, and their sum in seconds."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def __repr__(self) -> str:
        return f"<Durations count={sum(self.counts)} total_s={self.total_s:.3f}>"

    def observe(self, seconds: float) -> None:
        """Count one duration. A bucket holds what is at most its bound, as Prometheus has it."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds
