"""The caller as a request's headers describe it: its request id, its place in a trace, its API key (unchecked)."""

import re
import secrets
from collections.abc import Mapping
from itertools import count

from multidict import MultiMapping

from farmlokal.telemetry.traceparent import TraceParent, parse_traceparent

_HARMLESS_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

# Unique by its first half across processes, by its second within this one: cheaper than new randomness each time.
_process_part = secrets.token_hex(4)
_numbers = count(secrets.randbits(24))


def new_request_id() -> str:
    """A fresh request id of 16 characters."""
    return f"{_process_part}{next(_numbers) & 0xFFFFFFFF:08x}"


def request_id_from(offered: str | None) -> str:
    """The caller's own `X-Request-ID` where it is harmless, a fresh one elsewhere."""
    return offered if offered and _HARMLESS_ID.fullmatch(offered) else new_request_id()


def trace_of(headers: MultiMapping[str]) -> TraceParent | None:
    """The caller's place in its trace; None where its headers give none, or a malformed one."""
    if "traceparent" not in headers:
        return None
    return parse_traceparent(headers.getall("traceparent"), headers.getall("tracestate", []))


def offered_key(headers: Mapping[str, str]) -> str | None:
    """The API key that came with a request's headers; None when there is none."""
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    # A proxy may have put an Authorization of its own there: only a bearer token has precedence.
    return key.strip() if scheme.lower() == "bearer" else headers.get("X-API-Key")
