"""A limit on retries as a share of calls, so that a dead dependency gets hardly more load than a living one."""

import time
from collections.abc import Callable


class RetryBudget:
    """A bucket of retries: each call puts `share` of one into it, each retry takes one out.

    A client that calls seldom may retry too: `floor` retries are there at first, and come back within `floor_s` seconds
    (Finagle's retry budget, whose floor is a rate as well). The bucket holds no more than `held_max`, so that a long
    calm buys no storm.
    """

    def __init__(
        self,
        *,
        share: float,
        floor: int,
        floor_s: float = 60.0,
        held_max: int = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clock: monotonic seconds, injected by tests."""
        self._share = share
        self._floor = float(floor)
        self._floor_s = floor_s
        self._held_max = float(max(held_max, floor))
        self._clock = clock
        self._held = self._floor
        self._looked_at = clock()

    def __repr__(self) -> str:
        return f"<RetryBudget held={self._held:.1f}>"

    @property
    def left(self) -> int:
        """The number of retries that could be made now."""
        self._refill()
        return int(self._held)

    def count_call(self) -> None:
        """Count a call that begins, whatever its result."""
        self._refill()
        self._held = min(self._held_max, self._held + self._share)

    def spend(self) -> bool:
        """Spend one retry. Returns False when there is none, and the call must end."""
        self._refill()
        if self._held < 1:
            return False
        self._held -= 1
        return True

    def _refill(self) -> None:
        now = self._clock()
        passed_s, self._looked_at = now - self._looked_at, now
        if self._held < self._floor:
            self._held = min(self._floor, self._held + self._floor * passed_s / self._floor_s)
