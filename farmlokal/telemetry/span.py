"""What a span is, whoever makes it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol

from farmlokal.telemetry.traceparent import TraceParent

Attributes = Mapping[str, str | int | float | bool]


class Kind(Enum):
    """What a span is of: work of our own, a request that came, a call that we make."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span(Protocol):
    """A span under way."""

    def set(self, name: str, value: str | float | bool) -> None:
        """Add an attribute."""
        ...

    def rename(self, name: str) -> None:
        """Name it anew: a request's route is known after its span has begun."""
        ...

    def fail(self, kind: str) -> None:
        """Mark it as failed. kind: of error; never its text, which may quote what is nobody's business."""
        ...

    @property
    def trace_id(self) -> str | None:
        """The id of its trace, 32 hex digits; None while nothing is traced."""
        ...


class _NoSpan:
    """Stands for every span while nothing is traced: one for all, since it remembers nothing."""

    __slots__ = ()
    trace_id = None

    def set(self, name: str, value: str | float | bool) -> None:
        """See Span."""

    def rename(self, name: str) -> None:
        """See Span."""

    def fail(self, kind: str) -> None:
        """See Span."""

    def __enter__(self) -> "Span":
        return self

    def __exit__(self, *exc_info: object) -> None:
        return None


class Tracer(Protocol):
    """What makes the spans; `opentelemetry_tracer` has the one there is."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: TraceParent | None
    ) -> AbstractContextManager[Span]:
        """A span for a block of code. parent: that another process gave; by default the span under way."""
        ...

    def position(self) -> TraceParent | None:
        """Where the code that runs now stands in its trace."""
        ...

    async def close(self) -> None:
        """Send what is not sent yet, for a bounded time."""
        ...


NO_SPAN: AbstractContextManager[Span] = _NoSpan()
