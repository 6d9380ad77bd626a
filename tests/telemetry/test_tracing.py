"""Whether a process traces, and what the calls do while it does not."""

import sys

import pytest
from structlog.testing import capture_logs

from farmlokal.telemetry import tracing
from farmlokal.telemetry.span import Kind
from farmlokal.telemetry.traceparent import TraceParent, incoming
from farmlokal.telemetry.tracing import NO_SPAN, outgoing_headers, span, start_tracing, statement_span, stop_tracing
from tests.telemetry.log_capture import own_secrets

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        ENDPOINT | {"OTEL_SDK_DISABLED": "True"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "farmlokal"},
    ],
)
def test_without_a_collector_nothing_is_traced(environment: dict[str, str]) -> None:
    """And nothing is said about it."""
    with capture_logs() as events:
        start_tracing(environment, "1")
    assert not tracing.active
    assert [] == events


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_protocol_that_is_not_spoken_is_one_line(name: str) -> None:
    """The port of gRPC does not understand what we would send there."""
    with capture_logs() as events:
        start_tracing(ENDPOINT | {name: "grpc"}, "1")
    assert not tracing.active
    assert ["grpc"] == [event["protocol"] for event in events]


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector is named, and OpenTelemetry is not installed: the service runs, and says what is missing."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "farmlokal.telemetry.opentelemetry_tracer", raising=False)
    with capture_logs() as events:
        start_tracing(ENDPOINT, "1")
    assert not tracing.active
    assert ["no traces: farmlokal[otel] is not installed"] == [event["event"] for event in events]


def test_untraced_spans_are_one_and_the_same() -> None:
    """Whatever is done with it, it remembers nothing, and hides no exception."""
    with span("anything", Kind.CLIENT, {"name": "value"}) as nothing:
        nothing.set("name", 1)
        nothing.rename("else")
        nothing.fail("kind")
        assert nothing.trace_id is None
    assert NO_SPAN is span("other")
    with pytest.raises(ValueError, match="out"), span("failing"):
        raise ValueError("out")


def test_calls_continue_the_callers_trace_and_no_other() -> None:
    """Each with a span's id of its own; without a caller there is nothing to continue."""
    assert {} == outgoing_headers()
    token = incoming.set(TraceParent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1))
    try:
        first, second = outgoing_headers(), outgoing_headers()
    finally:
        incoming.reset(token)
    assert {"traceparent"} == set(first)
    assert first["traceparent"].startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert first != second


async def test_spans_nest_and_are_passed_on_while_the_process_traces() -> None:
    """Below the caller's position stands ours, and what is passed on is the innermost span's; afterwards there is none.

    The collector is away: the end is bounded all the same.
    """
    with own_secrets():
        start_tracing(ENDPOINT | {"OTEL_EXPORTER_OTLP_HEADERS": "key=a-collectors-key"}, "1")
        try:
            assert tracing.active
            caller = TraceParent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1, "a=1")
            with span("request", Kind.SERVER, parent=caller) as outer:
                assert caller.trace_id == outer.trace_id
                before = outgoing_headers()
                with span("inner"):
                    within = outgoing_headers()
                with statement_span("mysql", "SELECT 1") as statement:
                    assert caller.trace_id == statement.trace_id
                assert before == outgoing_headers()
            assert {} == outgoing_headers()
            # What a process asks by itself.
            assert NO_SPAN is statement_span("mysql", "SELECT 1")
        finally:
            await stop_tracing()
    assert not tracing.active
    assert "a=1" == before["tracestate"]
    positions = {headers["traceparent"].split("-")[2] for headers in (before, within)}
    assert 2 == len(positions - {caller.span_id})
