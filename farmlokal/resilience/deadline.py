"""One deadline over everything that a call does."""

import time
from collections.abc import Callable


class Deadline:
    """`total_s` seconds from now, in monotonic time."""

    def __init__(self, total_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds, injected by tests."""
        self.total_s = total_s
        self._clock = clock
        self._ends_at = clock() + total_s

    def __repr__(self) -> str:
        return f"<Deadline total_s={self.total_s:g} left_s={self.left_s:.3f}>"

    @property
    def left_s(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self._ends_at - self._clock())
