"""How far long work has come: a bar on a terminal, a plain line every few seconds elsewhere. Written to stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Literal, TextIO

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

# Often enough to see that the work is alive, seldom enough to leave a log readable.
PLAIN_INTERVAL_S = 5.0

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
    console = Console(file=stream or sys.stderr)
    # The stream itself is asked: rich also counts FORCE_COLOR, which CI sets, as a terminal.
    if console.file.isatty() and not console.is_dumb_terminal:
        with Progress(*_columns(unit), console=console) as bar:
            task = bar.add_task(label, total=total)
            yield lambda done: bar.update(task, completed=done)
        return
    lines = _PlainLines(label, total, unit, console.file, clock)
    try:
        yield lines.advance_to
    finally:
        lines.write()


def _columns(unit: Unit) -> tuple[ProgressColumn, ...]:
    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    return TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn(elapsed_when_finished=True)


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
