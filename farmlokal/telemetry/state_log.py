"""One log line when a dependency goes away, and one when it is back, however many calls fail in between."""

import time
from collections.abc import Callable

from structlog.stdlib import BoundLogger

# A success so soon after a failure proves nothing: with some calls failing and others not, each would be a change.
_CALM_S = 1.0


class StateLog:
    """Logs by `logger` when the dependency of this name goes away and when it is back. For any thread.

    away, back: the two lines. begins_up: whether it counts as up before the first call; where it does not, nothing is
    logged until it has worked once, since the code that waits for it at the start logs more. clock: monotonic seconds,
    injected by tests.
    """

    def __init__(
        self,
        logger: BoundLogger,
        dependency: str,
        *,
        away: str,
        back: str,
        begins_up: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._dependency = dependency
        self._away = away
        self._back = back
        self._clock = clock
        self._failed_at = 0.0
        self.up = begins_up
        self.away_logged = False  # and not yet that it is back
        self.reason: str | None = None  # of the last failed call; None while it is up

    def __repr__(self) -> str:
        return f"<StateLog {self._dependency} {'up' if self.up else 'down'}>"

    def failed(self, reason: str) -> None:
        """Count a call that failed. reason: for the log."""
        self._failed_at = self._clock()
        self.reason = reason
        if self.up:
            self.up, self.away_logged = False, True
            self._logger.warning(self._away, dependency=self._dependency, reason=reason)

    def worked(self) -> None:
        """Count a call that succeeded. The dependency counts as back after a second without a failure."""
        if self.up or (self.away_logged and self._clock() - self._failed_at <= _CALM_S):
            return
        if self.away_logged:
            self._logger.info(self._back, dependency=self._dependency)
        self.up, self.away_logged, self.reason = True, False, None
