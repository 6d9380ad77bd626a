"""W3C Trace Context: which headers are believed, and what is passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.telemetry.traceparent import TraceParent, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f" 00-{TRACE}-{SPAN}-03\t", 3),
        (f"00-{TRACE}-{SPAN}-ff", 3),
        (f"cc-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-adds", 1),
    ],
)
def test_a_valid_header_gives_the_callers_position(header: str, flags: int) -> None:
    """Later versions are read as far as they are known, and of the flags those that mean something."""
    assert TraceParent(TRACE, SPAN, flags) == parse_traceparent([header], [])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"],
        [f"00-{TRACE.upper()}-{SPAN}-01"],
        [f"00-{TRACE}-{SPAN}"],
        [f"00-{TRACE}-{SPAN}-01-more"],
        [f"00-{TRACE}-{SPAN}-01x"],
        [f"cc-{TRACE}-{SPAN}-01x"],
        [f"ff-{TRACE}-{SPAN}-01"],
        [f"00-{'0' * 32}-{SPAN}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE[:-1]}-{SPAN}-01"],
        [f"00-{TRACE}-{SPAN}-0g"],
        [f"00-{TRACE}-{SPAN}-01\n"],
    ],
)
def test_a_malformed_header_is_as_good_as_none(headers: list[str]) -> None:
    """Then the trace begins here."""
    assert parse_traceparent(headers, ["vendor=value"]) is None


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["a=1,b=2"], "a=1,b=2"),
        (["a=1", "b=2 "], "a=1,b=2"),
        (["a=1,,b=2"], "a=1,b=2"),
        (["no member"], ""),
        (["a=\xff"], ""),
        ([f"a={'x' * 600}"], ""),
        ([], ""),
    ],
)
def test_what_vendors_add_is_passed_on_or_dropped_alone(states: list[str], kept: str) -> None:
    """A malformed `tracestate` costs nobody the trace."""
    position = parse_traceparent([f"00-{TRACE}-{SPAN}-01"], states)
    assert position is not None
    assert kept == position.state


def test_a_child_is_in_the_same_trace_under_a_new_id() -> None:
    """What we call continues the trace below a position of ours."""
    position = TraceParent(TRACE, SPAN, 1, "a=1")
    child = position.child()
    assert (TRACE, 1, "a=1") == (child.trace_id, child.flags, child.state)
    assert SPAN != child.span_id
    assert child == parse_traceparent([child.headers["traceparent"]], [child.headers["tracestate"]])


@given(st.text(max_size=80))
def test_no_header_is_an_error(header: str) -> None:
    """Whatever a client sends there is read or ignored."""
    parse_traceparent([header], [header])
