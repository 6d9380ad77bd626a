"""Waits between attempts."""

import random
from collections.abc import Callable


class Backoff:
    """Exponential backoff with full jitter.

    Before attempt n + 1 wait anything between 0 and min(max_s, base_s · 2ⁿ⁻¹): callers that failed together must
    not come back together (M. Brooker, "Exponential Backoff And Jitter", 2015).
    """

    def __init__(self, *, base_s: float, max_s: float, draw: Callable[[], float] = random.random) -> None:
        """draw: a number in [0, 1), injected by tests."""
        self._base_s = base_s
        self._max_s = max_s
        self._draw = draw

    def __repr__(self) -> str:
        return f"<Backoff base_s={self._base_s} max_s={self._max_s}>"

    def wait_s(self, attempt: int) -> float:
        """Returns the seconds to wait after `attempt` (from 1) failed."""
        return self._draw() * min(self._max_s, self._base_s * 2.0 ** (attempt - 1))
