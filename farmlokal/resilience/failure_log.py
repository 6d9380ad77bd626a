"""The log line of a failure that nobody waits for."""

from structlog.stdlib import BoundLogger

from farmlokal.errors import Unavailable


def log_failure(log: BoundLogger, event: str, error: Exception, **fields: object) -> None:
    """Log `event` with the reason `error`: as a warning, and at `debug` where the log has the reason already.

    fields: further fields of the line.
    """
    reported = isinstance(error, Unavailable) and error.reported
    write = log.debug if reported else log.warning
    write(event, reason=str(error), **fields)
