"""What was measured of one route or outcome: counts, and how often each time was."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

# A percentile is told by what lies above it: below so many requests, one slow answer would be the percentile.
ENOUGH = {0.50: 2, 0.95: 20, 0.99: 100}
_EXACT_BELOW_MS = 1000


@dataclass(frozen=True)
class Measured:
    """requests: all of them. failures: those among them that failed. times_ms: how many took how many milliseconds."""

    requests: int = 0
    failures: int = 0
    times_ms: Counter[int] = field(default_factory=Counter)

    def __add__(self, other: "Measured") -> "Measured":
        """Both together."""
        return Measured(self.requests + other.requests, self.failures + other.failures, self.times_ms + other.times_ms)

    @property
    def error_share(self) -> float:
        """Failures per request."""
        return self.failures / self.requests if self.requests else 0.0

    def percentile_ms(self, share: float) -> int:
        """The least time within which `share` of the requests were answered; 0 where there were none."""
        wanted = math.ceil(share * self.times_ms.total())
        seen = 0
        for time_ms in sorted(self.times_ms):
            seen += self.times_ms[time_ms]
            if seen >= wanted:
                return time_ms
        return 0


def counted_ms(time_ms: float) -> int:
    """A time as it is counted: rounded up, to whole milliseconds below a second and to whole hundredths above.

    Locust's own rounding, to the nearest 10 ms from 100 ms on, would let 204 ms pass for 200.
    """
    if time_ms <= _EXACT_BELOW_MS:
        return math.ceil(time_ms)
    return math.ceil(time_ms / 10) * 10


def measured_by_name(stats: Any) -> dict[str, Measured]:
    """What locust's `stats` hold, by the name that requests were counted under, whatever their methods."""
    found: dict[str, Measured] = {}
    for (name, _method), entry in sorted(stats.entries.items()):
        one = Measured(entry.num_requests, entry.num_failures, Counter(entry.response_times))
        found[name] = found.get(name, Measured()) + one
    return found
