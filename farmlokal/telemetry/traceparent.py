"""W3C Trace Context: which trace a request belongs to, read from its headers and written to those of our own calls.

https://www.w3.org/TR/trace-context/. Works without any tracing library: the trace's id then joins our log lines, and
the partner's traces, with the caller's.
"""

import re
import secrets
from contextvars import ContextVar
from typing import NamedTuple

_TRACEPARENT = re.compile(r"(?P<version>[0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?P<more>-.*)?")
_NO_VERSION = "ff"
# `sampled`, and level 2's `random`; the other bits have no meaning yet and are not to be passed on.
_KNOWN_FLAGS = 0b11
# What everybody must be able to pass on. A longer one may be cut, which is not worth its code: it is dropped.
_STATE_CHARS_MAX = 512
_STATE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]+=[\x20-\x7e]*")


class TraceParent(NamedTuple):
    """A position in a trace: the trace's id (32 hex digits), the span's (16), the flags, and what vendors add."""

    trace_id: str
    span_id: str
    flags: int
    state: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The position as headers of a request."""
        headers = {"traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"}
        return {**headers, "tracestate": self.state} if self.state else headers

    def child(self) -> "TraceParent":
        """A new position right below this one."""
        return self._replace(span_id=secrets.token_hex(8))


# The caller's position, where the request under way came with one. Tasks that a request starts inherit it.
incoming: ContextVar[TraceParent | None] = ContextVar("incoming", default=None)


def parse_traceparent(traceparent: list[str], tracestate: list[str]) -> TraceParent | None:
    """The position that a request's headers give. None where there is none, or none of use: then a trace begins here.

    traceparent, tracestate: every header of that name. A malformed `tracestate` is dropped without the rest.
    """
    if len(traceparent) != 1:
        return None
    match = _TRACEPARENT.fullmatch(traceparent[0].strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == _NO_VERSION or (version == "00" and more) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceParent(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS, _read_state(",".join(tracestate)))


def _read_state(state: str) -> str:
    members = [member.strip(" \t") for member in state.split(",") if member.strip(" \t")]
    text = ",".join(members)
    return text if len(text) <= _STATE_CHARS_MAX and all(map(_STATE.fullmatch, members)) else ""
