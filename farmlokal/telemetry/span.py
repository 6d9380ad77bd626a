"""What a span is, whichever library makes it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol

from farmlokal.telemetry.traceparent import TraceParent

Attributes = Mapping[str, str | int | float | bool]


class Kind(Enum):
    """What a span covers: work of our own, a request to us, a call that we make."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span(Protocol):
    """A span under way."""

    __slots__ = ()

    def set(self, name: str, value: str | float | bool) -> None:
        """Add an attribute."""
        ...

    def rename(self, name: str) -> None:
        """Give it another name: a request's route is known after its span has begun."""
        ...

    def fail(self, kind: str) -> None:
        """Mark it as failed. kind: of the error; never its text, which may quote private values."""
        ...

    @property
    def trace_id(self) -> str | None:
        """The id of its trace, 32 hex digits; None while nothing is traced."""
        ...


class Tracer(Protocol):
    """What makes the spans; `opentelemetry_tracer` has the only one."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: TraceParent | None
    ) -> AbstractContextManager[Span]:
        """Returns a span for a block of code. parent: sent by another process; by default the span under way."""
        ...

    def position(self) -> TraceParent | None:
        """Returns the position of the running code in its trace; None where it has none."""
        ...

    async def close(self) -> None:
        """Send the spans that are not sent yet, for a bounded time."""
        ...
