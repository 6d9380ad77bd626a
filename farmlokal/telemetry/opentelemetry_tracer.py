"""Spans by OpenTelemetry's SDK, sent to a collector by OTLP over HTTP. Needs `farmlokal[otel]`.

The SDK reads its own environment variables: endpoint, headers, sampler, batches, resource attributes.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from typing_extensions import override

from farmlokal.telemetry.logging import get_logger
from farmlokal.telemetry.span import Attributes, Kind, Span, Tracer
from farmlokal.telemetry.state_log import StateLog
from farmlokal.telemetry.traceparent import TraceParent

_log = get_logger(__name__)

_KINDS = {Kind.INTERNAL: SpanKind.INTERNAL, Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT}
# At the process's end, for the spans of the last seconds. A collector that is away must not hold it up.
_CLOSE_MAX_S = 3.0


class OpenTelemetryTracer(Tracer):
    """Makes spans and sends them in the background."""

    def __init__(self, version: str) -> None:
        self._exporter = _ReportingExporter(OTLPSpanExporter())
        provider = TracerProvider(resource=_resource(version), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._provider = provider
        self._tracer = provider.get_tracer("farmlokal", version)
        # From here on its own complaints repeat with every batch; our exporter logs a failure once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    def __repr__(self) -> str:
        return f"<OpenTelemetryTracer {self._exporter!r}>"

    @override
    def span(self, name: str, kind: Kind, attributes: Attributes, parent: TraceParent | None) -> "_Recorded":
        return _Recorded(self._tracer, name, kind, attributes, parent)

    @override
    def position(self) -> TraceParent | None:
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return None
        return TraceParent(_hex(here.trace_id, 32), _hex(here.span_id, 16), here.trace_flags, _header(here.trace_state))

    @override
    async def close(self) -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has closed: this took longer than anybody waits
                loop.call_soon_threadsafe(done.set)

        # A thread that ends with the process: the SDK's own limit is half a minute.
        threading.Thread(target=shut_down, name="last spans", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_MAX_S):
                await done.wait()


class _Recorded(Span):
    """A span as a context manager."""

    __slots__ = ("_attributes", "_kind", "_name", "_parent", "_span", "_token", "_tracer")

    def __init__(
        self, tracer: trace.Tracer, name: str, kind: Kind, attributes: Attributes, parent: TraceParent | None
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._parent = parent

    def __enter__(self) -> Self:
        above = None if self._parent is None else _remote(self._parent)
        self._span = self._tracer.start_span(
            self._name, context=above, kind=_KINDS[self._kind], attributes=self._attributes
        )
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        context.detach(self._token)
        if kind is not None:
            # Its kind alone: the text of an exception may quote an address with its password.
            self.fail(kind.__qualname__)
        self._span.end()

    @override
    def set(self, name: str, value: str | float | bool) -> None:
        self._span.set_attribute(name, value)

    @override
    def rename(self, name: str) -> None:
        self._span.update_name(name)

    @override
    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))

    @property
    @override
    def trace_id(self) -> str:
        return _hex(self._span.get_span_context().trace_id, 32)


class _ReportingExporter(SpanExporter):
    """Sends by `inner`, and logs when that begins to fail and when it works again."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._state = StateLog(
            _log,
            "trace collector",
            away="the trace collector takes no spans: they are lost",
            back="traces are taken again",
        )

    def __repr__(self) -> str:
        return f"<_ReportingExporter {self._state!r}>"

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        # In the SDK's thread.
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._state.worked()
        else:
            self._state.failed("not sent")
        return result

    @override
    def shutdown(self) -> None:
        self._inner.shutdown()


def _resource(version: str) -> Resource:
    found = Resource.create({"service.version": version, "process.pid": os.getpid()})
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: "farmlokal"}))
    return found


def _remote(parent: TraceParent) -> context.Context:
    state = TraceState.from_header([parent.state]) if parent.state else TraceState()
    above = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(parent.flags),
        trace_state=state,
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(above), context.Context())


def _header(state: TraceState) -> str:
    return state.to_header()


def _hex(number: int, digits: int) -> str:
    return f"{number:0{digits}x}"
