"""How far long work has come: a bar on a terminal, a plain line every few seconds elsewhere. Written to stderr."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import IO, Literal, TextIO

import click

# Often enough to see that the work is alive, seldom enough to leave a log readable.
PLAIN_INTERVAL_S = 5.0
# What `TERM` says of terminals that cannot write over a line.
_DUMB = ("dumb", "unknown")

Unit = Literal["bytes", "products", "ids"]
Advance = Callable[[int], None]


@contextmanager
def progress(
    label: str,
    total: int | None,
    *,
    unit: Unit,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Advance]:
    """Shows the progress of `label`, for instance "importing", while the block runs.

    Yields a function to call with how much is done so far, in `unit`. total: all there is to do; None where that is not
    known. stream: by default standard error. clock: monotonic seconds, injected by tests.
    """
    stream = stream or sys.stderr
    if stream.isatty() and os.environ.get("TERM", "").lower() not in _DUMB:
        # Of what has no length it takes a row without an end.
        row = count() if total is None else None
        with click.progressbar(row, length=total, label=label, show_pos=True, file=stream) as bar:
            yield lambda done: bar.update(done - bar.pos)
        return
    lines = _PlainLines(label, total, unit, stream, clock)
    try:
        yield lines.advance_to
    finally:
        lines.write()


class _PlainLines:
    def __init__(self, label: str, total: int | None, unit: Unit, stream: IO[str], clock: Callable[[], float]) -> None:
        self._label = label
        self._total = total
        self._unit = unit
        self._stream = stream
        self._clock = clock
        self._done = 0
        self._started_s = self._written_s = clock()

    def advance_to(self, done: int) -> None:
        self._done = done
        if self._clock() - self._written_s >= PLAIN_INTERVAL_S:
            self.write()

    def write(self) -> None:
        """`importing: 1,048,576 of 1,682,147 bytes (62 %) after 5 s`."""
        self._written_s = self._clock()
        after_s = self._written_s - self._started_s
        click.echo(f"{self._label}: {self._amount()} after {after_s:.0f} s", file=self._stream)

    def _amount(self) -> str:
        if self._total is None:
            return f"{self._done:,} {self._unit}"
        share = 100 * self._done // self._total if self._total else 100
        return f"{self._done:,} of {self._total:,} {self._unit} ({share} %)"
