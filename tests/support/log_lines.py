"""Our own log lines, as fields rather than as text."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict


@contextmanager
def logged() -> Iterator[list[EventDict]]:
    """Our own log lines inside the block, each as its fields."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as events:
        yield events


def at_level(events: list[EventDict], *levels: str) -> list[EventDict]:
    """The lines of `events` that have one of `levels`."""
    return [event for event in events if event["log_level"] in levels]
