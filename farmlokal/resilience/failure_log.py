"""The log lines of failures that nobody waits for, and of dependencies that are left alone."""

from structlog.stdlib import BoundLogger

from farmlokal.errors import Unavailable
from farmlokal.resilience.breaker import BreakerState


def log_failure(log: BoundLogger, event: str, error: Exception, **fields: object) -> None:
    """Log `event` with the reason `error`: as a warning, and at `debug` where the log has the reason already.

    fields: further fields of the line.
    """
    reported = isinstance(error, Unavailable) and error.reported
    write = log.debug if reported else log.warning
    write(event, reason=str(error), **fields)


def log_breaker(log: BoundLogger, state: BreakerState, *, away: str, back: str, reason: str, **fields: object) -> None:
    """Log what a circuit breaker became: `back` when it closed, else `away` as a warning with the reason.

    fields: further fields of both lines.
    """
    if state is BreakerState.CLOSED:
        log.info(back, breaker=state, **fields)
    else:
        log.warning(away, breaker=state, reason=reason, **fields)
