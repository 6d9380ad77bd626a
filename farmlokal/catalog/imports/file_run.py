"""The rows of one file on their way into the store, and what is counted of them."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import orjson

from farmlokal.catalog.imports.batches_ahead import Row, batches_ahead
from farmlokal.catalog.imports.batches_under_way import BATCHES_AT_ONCE, Batch, BatchesUnderWay
from farmlokal.catalog.imports.market_rows import shown_row
from farmlokal.catalog.imports.reasons import BadRow, refused, unreadable
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.errors import ImportRefused

# A file whose first hundred rows are all wrong is another kind of file under our header, not one with a few slips.
LEADING_BAD_ROWS_MAX = 100


class ChangeStore(Protocol):
    """Where the records go."""

    def apply(
        self, changes: Sequence[ProductRecord | Deletion], *, sighting: str | None = None
    ) -> Coroutine[Any, Any, Sequence[Applied]]:
        """Writes `changes` as one batch and returns what became of each, in their order.

        `sighting` names the run in which they were seen, so that a replacing import knows what it did not see.
        """
        ...


class FileRun:
    """Brings the rows of one file into the store, and keeps its summary."""

    def __init__(
        self,
        summary: ImportSummary,
        store: ChangeStore,
        sighting: str | None,
        errors_max: int | None,
        on_bad_row: Callable[[BadRow], None],
        on_implausible: Callable[[BadRow], None],
    ) -> None:
        self.summary = summary
        self._store = store
        self._sighting = sighting
        self._errors_max = errors_max
        self._on_bad_row = on_bad_row
        self._on_implausible = on_implausible
        self._any_good = False
        self._leading_bad = 0

    def __repr__(self) -> str:
        return f"<FileRun {self.summary!r}>"

    def note_implausible(self, line: int, doubt: str) -> None:
        """Count a price that lands though it is out of all proportion."""
        self.summary.note_implausible(bad := refused(line, doubt))
        self._on_implausible(bad)

    async def add_all(
        self,
        rows: Iterator[Row],
        bytes_read: Callable[[], int],
        batch_rows: int,
        on_progress: Callable[[int], None],
        *,
        at_once: int = BATCHES_AT_ONCE,
    ) -> None:
        """Bring all `rows` into the store. at_once: how many batches may be on their way."""

        def ended(batch: Batch, applied: Sequence[Applied]) -> None:
            self._count(batch, applied)
            on_progress(batch.read_bytes)

        # What is beyond the most errors is left alone: no batch is begun before it is known what became of the last.
        at_once = at_once if self._errors_max is None else 1
        async with (
            aclosing(batches_ahead(rows, bytes_read, batch_rows)) as batches,
            BatchesUnderWay(self._write, ended, at_once=at_once) as under_way,
        ):
            async for read, read_bytes in batches:
                await under_way.begin(self._sorted(read, read_bytes))
                if self._errors_max is not None:
                    await under_way.end_all()
                    if self.summary.stopped:
                        return
            await under_way.end_all()

    def _sorted(self, rows: Sequence[Row], read_bytes: int) -> Batch:
        good: list[tuple[int, ProductRecord]] = []
        bad: list[BadRow] = []
        not_reported = 0
        for number, row in rows:
            if isinstance(row, ProductRecord):
                good.append((number, row))
            elif row is None:
                not_reported += 1
            else:
                bad.append(unreadable(number, row))
                self._refuse_rubbish(bad[-1], any_good=bool(good))
        self._any_good = self._any_good or bool(good)
        return Batch(good, bad, not_reported, read_bytes)

    def _refuse_rubbish(self, bad: BadRow, *, any_good: bool) -> None:
        if self._any_good or any_good:
            return
        self._leading_bad += 1
        if self._leading_bad == LEADING_BAD_ROWS_MAX:
            raise ImportRefused(
                f"{self.summary.name}: the first {LEADING_BAD_ROWS_MAX} rows are all wrong;"
                f" line {bad.line}: {bad.reason}"
            )

    async def _write(self, batch: Batch) -> Sequence[Applied]:
        self.summary.bad_rows += len(batch.bad)
        self.summary.not_reported += batch.not_reported
        self._stop_beyond_errors_max()
        if not batch.good or self.summary.stopped:
            return ()
        return await self._store.apply([record for _, record in batch.good], sighting=self._sighting)

    def _stop_beyond_errors_max(self) -> None:
        if self._errors_max is not None and self.summary.errors > self._errors_max:
            self.summary.stopped = True

    def _count(self, batch: Batch, applied: Sequence[Applied]) -> None:
        if applied:  # nothing is, of a batch that was not written
            self.summary.sources |= {record.source for _, record in batch.good}
            self.summary.tally.update([one.outcome for one in applied])
        for (number, record), one in zip(batch.good, applied, strict=False):
            if one.outcome is WriteOutcome.REJECTED:
                batch.bad.append(refused(number, one.reason or "rejected", _row_of(record)))
        for bad in sorted(batch.bad):
            self.summary.reasons.note(bad)
            self._on_bad_row(bad)
        self._stop_beyond_errors_max()


def _row_of(record: ProductRecord) -> str:
    """The row that a record was made of: of market prices its cells, else the record as JSON."""
    if record.said is not None:
        return shown_row(record.said.split("\n"))
    return orjson.dumps({name: value for name, value in record._asdict().items() if value is not None}).decode()
