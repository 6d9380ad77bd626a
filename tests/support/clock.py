"""A clock that tests move."""

from dataclasses import dataclass

# 2026-11-22T10:15:00Z
START_S = 1_795_342_500


@dataclass
class StillClock:
    """Seconds that pass only when told to: Unix time, or those of a monotonic clock."""

    now_s: float = START_S

    def __call__(self) -> float:
        """The present moment."""
        return self.now_s
