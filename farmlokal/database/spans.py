"""The span of one statement."""

from contextlib import AbstractContextManager

from farmlokal.telemetry import tracing
from farmlokal.telemetry.span import NO_SPAN, Kind, Span


def statement_span(system: str, sql: str) -> AbstractContextManager[Span]:
    """Returns a span around one statement, named by its first word: its text and its values are private.

    system: `mysql`, `mariadb` or `sqlite`, as OpenTelemetry's semantic conventions spell them.
    """
    if not tracing.active:
        return NO_SPAN
    operation = sql.split(None, 1)[0].upper()
    return tracing.span(operation, Kind.CLIENT, {"db.system.name": system, "db.operation.name": operation})
