"""Spans of what the process does, for a trace collector; while none is configured they cost next to nothing.

`start_tracing` decides once per process. Everything else here may be called whether it traces or not.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from typing_extensions import override

from farmlokal.telemetry.logging import get_logger
from farmlokal.telemetry.masking import mask_values
from farmlokal.telemetry.span import Attributes, Kind, Span, Tracer
from farmlokal.telemetry.traceparent import TraceParent, incoming

_log = get_logger(__name__)

# The standard's variables: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
# A collector's keys stand in these.
_HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_PROTOCOL = "http/protobuf"

# Whether this process traces. The hot path stands down while it does: its answers would have no span.
active = False


class _NoSpan(Span):
    """Stands for every span while nothing is traced: one for all, since it remembers nothing."""

    __slots__ = ()
    trace_id = None

    @override
    def set(self, name: str, value: str | float | bool) -> None:
        pass

    @override
    def rename(self, name: str) -> None:
        pass

    @override
    def fail(self, kind: str) -> None:
        pass

    def __enter__(self) -> "Span":
        return self

    def __exit__(self, *exc_info: object) -> None:
        return None


NO_SPAN: AbstractContextManager[Span] = _NoSpan()
_NOTHING: Attributes = {}
_tracer: Tracer | None = None


def span(
    name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes = _NOTHING, *, parent: TraceParent | None = None
) -> AbstractContextManager[Span]:
    """A span for a block of code, below the one under way. An exception that leaves the block marks it as failed.

    attributes: named by OpenTelemetry's semantic conventions; never a secret, nor a value that a client sent.
    """
    return NO_SPAN if _tracer is None else _tracer.span(name, kind, attributes, parent)


def exchange_span(name: str, attributes: Attributes) -> AbstractContextManager[Span]:
    """Returns a span around one exchange with a database or Redis, below the one under way.

    There is none where none is under way: what a process does by itself, some of it twice a second, would fill the
    collector with traces of one span.
    """
    if _tracer is None or _tracer.position() is None:
        return NO_SPAN
    return _tracer.span(name, Kind.CLIENT, attributes, None)


def statement_span(system: str, sql: str) -> AbstractContextManager[Span]:
    """Returns an `exchange_span` around one statement, named by its first word: its text and its values are private.

    system: `mysql`, `mariadb` or `sqlite`, as OpenTelemetry's semantic conventions spell them.
    """
    if not active:
        return NO_SPAN
    operation = sql.split(None, 1)[0].upper()
    return exchange_span(operation, {"db.system.name": system, "db.operation.name": operation})


def outgoing_headers() -> dict[str, str]:
    """The headers by which another service continues the trace under way; none where there is no trace."""
    if _tracer is not None:
        position = _tracer.position()
        return {} if position is None else position.headers
    caller = incoming.get()
    return {} if caller is None else caller.child().headers


def start_tracing(environment: Mapping[str, str], version: str) -> None:
    """Trace from here on, where `environment` names a collector and `farmlokal[otel]` is installed.

    Starts a thread: call it in the process that serves, after every fork. version: of this service.
    """
    global _tracer, active
    if _tracer is not None or not _is_wanted(environment):
        return
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        _log.warning("no traces: the only protocol spoken is http/protobuf", protocol=protocol)
        return
    try:
        from farmlokal.telemetry.opentelemetry_tracer import OpenTelemetryTracer
    except ImportError as error:
        _log.warning("no traces: farmlokal[otel] is not installed", missing=error.name)
        return
    mask_values(_header_values(environment))
    _tracer = OpenTelemetryTracer(version)
    active = True


async def stop_tracing() -> None:
    """Send the spans that are not sent yet, for a bounded time, and trace no more."""
    global _tracer, active
    tracer, _tracer, active = _tracer, None, False
    if tracer is not None:
        await tracer.close()


def _is_wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return False
    return any(environment.get(name) for name in _ENDPOINTS)


def _header_values(environment: Mapping[str, str]) -> list[Any]:
    """The values in `key=value,key=value`, of which each may be a credential."""
    pairs = [pair.partition("=") for name in _HEADERS for pair in environment.get(name, "").split(",")]
    return [value.strip() for _, _, value in pairs]
