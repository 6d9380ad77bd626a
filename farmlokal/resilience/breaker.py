"""Leaving a broken dependency alone for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class BreakerState(StrEnum):
    """closed: calls pass. open: none does. half-open: one probe decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class BreakerOpen(Exception):
    """The call was not made: the breaker is open, or half-open with its probe under way."""


class CircuitBreaker:
    """Opens after `failures_max` failures in a row; after `open_s` seconds lets one probe through, which decides.

    M. Nygard, "Release It!", 2007. A probe that is cancelled decides nothing and gives its slot back.
    """

    def __init__(
        self,
        *,
        failures_max: int,
        open_s: float,
        on_change: Callable[[BreakerState], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """on_change: called with each new state. clock: monotonic seconds, injected by tests."""
        # Closed, and the last call worked: a further one that works changes nothing, and need not pass `call`.
        self.calm = True
        self._failures_max = failures_max
        self._open_s = open_s
        self.on_change = on_change
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0
        self._state = BreakerState.CLOSED
        self._probing = False

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self._state} failures={self._failures} probing={self._probing}>"

    @property
    def state(self) -> BreakerState:
        """The state now; open turns half-open by the clock alone."""
        if self._state is BreakerState.OPEN and self._clock() - self._opened_at >= self._open_s:
            return BreakerState.HALF_OPEN
        return self._state

    @property
    def open_left_s(self) -> float:
        """Seconds until a probe may be made; 0 when a call may be tried now."""
        left_s = self._open_s - (self._clock() - self._opened_at)
        return max(0.0, left_s) if self._state is BreakerState.OPEN else 0.0

    @contextmanager
    def call(self, *failures: type[BaseException]) -> Iterator[None]:
        """Around one call of the dependency: an exception among `failures` counts as one and goes on up.

        Raises BreakerOpen instead of making the call when none may be made.
        """
        state = self.state
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._probing):
            raise BreakerOpen
        self._probing = probe = state is BreakerState.HALF_OPEN
        try:
            yield
        except failures:
            self._fail(probe=probe)
            raise
        else:
            self._succeed()
        finally:
            if probe:
                self._probing = False

    def worked(self) -> None:
        """A call that was made while the breaker was calm has worked, and it is calm no more."""
        self._succeed()

    def failed(self) -> None:
        """A call that was made while the breaker was calm has failed."""
        self._fail(probe=False)

    def _succeed(self) -> None:
        self._failures = 0
        self.calm = True
        self._become(BreakerState.CLOSED)

    def _fail(self, *, probe: bool) -> None:
        self._failures += 1
        self.calm = False
        if probe or self._failures >= self._failures_max:
            self._opened_at = self._clock()
            self._become(BreakerState.OPEN)

    def _become(self, state: BreakerState) -> None:
        if state is not self._state:
            self._state = state
            self.on_change(state)
