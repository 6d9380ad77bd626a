"""One file into the catalogue, batch by batch."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from farmlokal.catalog.imports.aliases import Aliases, load_aliases
from farmlokal.catalog.imports.batches_ahead import Row, batches_ahead
from farmlokal.catalog.imports.batches_under_way import BATCHES_AT_ONCE, Batch, BatchesUnderWay
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.inputs import InputFile, file_at
from farmlokal.catalog.imports.market_import import MarketImport, MarketMemory, MarketNotes, prepare
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.market_rows import Spool, shown_row
from farmlokal.catalog.imports.markets import Markets, load_markets
from farmlokal.catalog.imports.reading import ImportRows, open_rows
from farmlokal.catalog.imports.reasons import BadRow, refused, unreadable
from farmlokal.catalog.imports.summary import ImportSummary, Scope
from farmlokal.catalog.records import MARKET_SOURCE, Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.errors import ImportRefused

# A file whose first hundred rows are all wrong is another kind of file under our header, not one with a few slips.
LEADING_BAD_ROWS_MAX = 100

_AS_THE_FILE_SAYS = MarketOptions()
_AS_THE_FILE_IS = ReadOptions()


class ChangeStore(Protocol):
    """Where the records go."""

    def apply(
        self, changes: Sequence[ProductRecord | Deletion], *, sighting: str | None = None
    ) -> Coroutine[Any, Any, Sequence[Applied]]:
        """Writes `changes` as one batch and returns what became of each, in their order.

        `sighting` names the run in which they were seen, so that a replacing import knows what it did not see.
        """
        ...


def _ignore(*_: object) -> None:
    pass


async def import_file(
    given: InputFile | Path,
    store: ChangeStore,
    memory: MarketMemory,
    *,
    aliases: Aliases | None = None,
    locations: Path | None = None,
    options: MarketOptions = _AS_THE_FILE_SAYS,
    reading: ReadOptions = _AS_THE_FILE_IS,
    source: str | None = None,
    sighting: str | None = None,
    errors_max: int | None = None,
    batch_rows: int = 1000,
    on_progress: Callable[[int], None] = _ignore,
    on_bad_row: Callable[[BadRow], None] = _ignore,
    on_implausible: Callable[[BadRow], None] = _ignore,
    summary: ImportSummary | None = None,
    now: datetime | None = None,
) -> ImportSummary:
    """Imports a file into `store`. Returns what became of its rows. Importing it again changes nothing.

    `memory` is what the catalogue remembers of market files; `aliases` says which of their names mean the same, by
    default those that ship; `locations` is the portal's market file. `reading` is what an operator says of the file's
    form. `source` stands in where a product of the file
    names none. With more than `errors_max` bad rows, the rest of the file is left alone. After each batch,
    `on_progress` gets the bytes read so far. `on_bad_row` gets each row that cannot be read or that the store rejects,
    batch by batch in the order of the file, `on_implausible` those that land and whose price is out of all proportion.
    `summary` is kept up to date, for whoever wants to know what landed before an error or an interruption. `now`,
    aware, is the clock's time unless it is given: what lies more than a day after it is refused.

    Raises ImportRefused, before any product is written, where the file or `locations` is not what it should be. A batch
    that is being written when the task is cancelled is written to its end, and counted.
    """
    summary = summary or ImportSummary()
    now = now or datetime.now(UTC)
    aliases = aliases or load_aliases()
    markets = Markets(aliases) if locations is None else await asyncio.to_thread(load_markets, locations, aliases)
    with ExitStack() as stack:
        if isinstance(given, Path):
            given = stack.enter_context(file_at(given))
        summary.name = given.name
        run = _Run(summary, store, sighting, errors_max, on_bad_row, on_implausible)
        rows = stack.enter_context(
            open_rows(
                given,
                source=source,
                now=now,
                options=reading,
                on_unknown=summary.note_unknown,
                on_remark=summary.remarks.append,
            )
        )
        if rows.products is not None:
            await run.add_all(rows.products, lambda: rows.bytes_read, batch_rows, on_progress)
        else:
            if source is not None:
                raise ImportRefused(f"{given.name}: holds market prices, which have a source of their own: no --source")
            of_markets = await _prepared(
                rows, stack.enter_context(Spool()), memory, run, aliases, markets, options, now
            )
            # A product may be known by two names then, and the first row of it counts.
            at_once = 1 if await memory.has_former_identities(MARKET_SOURCE) else BATCHES_AT_ONCE
            await run.add_all(of_markets, lambda: of_markets.bytes_read, batch_rows, on_progress, at_once=at_once)
            if not summary.stopped:
                await of_markets.keep_usual_prices(memory)
                summary.scope = _scope(of_markets)
        if not summary.rows:
            raise ImportRefused(f"{given.name}: holds a header and no rows")
    return summary


async def _prepared(
    rows: ImportRows,
    spool: Spool,
    memory: MarketMemory,
    run: "_Run",
    aliases: Aliases,
    markets: Markets,
    options: MarketOptions,
    now: datetime,
) -> MarketImport:
    notes = MarketNotes(run.summary.note_unknown, run.note_implausible)
    try:
        return await prepare(
            rows, spool, memory, aliases=aliases, markets=markets, options=options, notes=notes, now=now
        )
    except ImportRefused as error:
        raise ImportRefused(f"{run.summary.name}: {error}") from error


def _scope(rows: MarketImport) -> Scope | None:
    products = rows.products
    if products.newest_day is None:
        return None
    return Scope(frozenset(products.covered), products.newest_day, products.newest_version)


class _Run:
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
        return f"<_Run {self.summary!r}>"

    def note_implausible(self, line: int, doubt: str) -> None:
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
        for (number, record), one in zip(batch.good, applied, strict=False):  # none of a batch that was not written
            self.summary.sources.add(record.source)
            self.summary.tally[one.outcome] += 1
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
