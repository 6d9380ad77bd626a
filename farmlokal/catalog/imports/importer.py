"""One file into the catalogue, batch by batch."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from farmlokal.catalog.imports.aliases import Aliases, load_aliases
from farmlokal.catalog.imports.batches_ahead import Row, batches_ahead
from farmlokal.catalog.imports.market_import import MarketImport, MarketMemory, MarketNotes, prepare
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.market_rows import Spool
from farmlokal.catalog.imports.markets import Markets, load_markets
from farmlokal.catalog.imports.reading import open_rows
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import Applied, Tally, WriteOutcome
from farmlokal.errors import ImportRefused

# A file whose first hundred rows are all wrong is another kind of file under our header, not one with a few slips.
LEADING_BAD_ROWS_MAX = 100

DEFAULT_SOURCE = "import"

_AS_THE_FILE_SAYS = MarketOptions()

# A file whose every row has a category of its own must not fill the memory.
_UNKNOWN_NAMES_MAX = 1000


class ChangeStore(Protocol):
    """Where the records go."""

    async def apply(
        self, changes: Sequence[ProductRecord | Deletion], *, sighting: str | None = None
    ) -> Sequence[Applied]:
        """Writes `changes` as one batch and returns what became of each, in their order.

        `sighting` names the run in which they were seen, so that a replacing import knows what it did not see.
        """
        ...


class Scope(NamedTuple):
    """What a file of market prices lists, and as of when.

    markets: what the identities of each market's products begin with. newest_day, newest_version: its last day, and the
    version of what it says of it.
    """

    markets: frozenset[str]
    newest_day: date
    newest_version: int


class ImportSummary(NamedTuple):
    """What an import came to.

    rows: `bad_rows` (those that are no record), `not_reported` and the records of `tally` together.
    not_reported: rows of markets that give no price, which are no products. implausible: how many of the records have a
    price out of all proportion. scope: what a file of market prices covers; None for one of products.

    unknown_rows: how many of the records have a category that is not in the list, and became `other`.
    unknown_categories: how many by what they call it, for the first thousand such names.
    """

    rows: int
    bad_rows: int
    tally: Tally
    sources: frozenset[str]
    unknown_rows: int
    unknown_categories: Mapping[str, int]
    not_reported: int = 0
    implausible: int = 0
    scope: Scope | None = None

    @property
    def complete(self) -> bool:
        """Whether every row landed, or was there already: none was bad, and the store rejected none."""
        return not self.bad_rows and not self.tally[WriteOutcome.REJECTED]


def _ignore(*_: object) -> None:
    pass


async def import_file(
    path: Path,
    store: ChangeStore,
    memory: MarketMemory,
    *,
    aliases: Aliases | None = None,
    locations: Path | None = None,
    options: MarketOptions = _AS_THE_FILE_SAYS,
    source: str = DEFAULT_SOURCE,
    sighting: str | None = None,
    batch_rows: int = 1000,
    on_progress: Callable[[int], None] = _ignore,
    on_bad_row: Callable[[int, str], None] = _ignore,
    on_implausible: Callable[[int, str], None] = _ignore,
    now: datetime | None = None,
) -> ImportSummary:
    """Imports the file at `path` into `store`. Returns what became of its rows. Importing it again changes nothing.

    `memory` is what the catalogue remembers of market files; `aliases` says which of their names mean the same, by
    default those that ship; `locations` is the portal's market file. `source` stands in where a product of the file
    names none. After each batch, `on_progress` gets the bytes read so far. `on_bad_row` gets the line number and the
    reason of each row that cannot be read or that the store rejects, in the order of the file within each of the two,
    `on_implausible` those of the prices that land and are out of all proportion. `now`, aware, is the clock's time
    unless it is given: what lies more than a day after it is refused.

    Raises ImportRefused, before any product is written, where the file or `locations` is not what it should be.
    """
    now = now or datetime.now(UTC)
    aliases = aliases or load_aliases()
    markets = Markets(aliases) if locations is None else await asyncio.to_thread(load_markets, locations, aliases)
    run = _Run(path, store, sighting, on_bad_row, on_implausible)
    with open_rows(path, source=source, now=now, on_unknown=run.note_unknown) as rows:
        if rows.products is not None:
            await run.add_all(rows.products, lambda: rows.bytes_read, batch_rows, on_progress)
            return run.summary(None)
        with Spool() as spool:
            notes = MarketNotes(run.note_unknown, run.note_implausible)
            try:
                of_markets = await prepare(
                    rows, spool, memory, aliases=aliases, markets=markets, options=options, notes=notes, now=now
                )
            except ImportRefused as error:
                raise ImportRefused(f"{path}: {error}") from error
            await run.add_all(of_markets, lambda: of_markets.bytes_read, batch_rows, on_progress)
            await of_markets.keep_usual_prices(memory)
            return run.summary(_scope(of_markets))


def _scope(rows: MarketImport) -> Scope | None:
    products = rows.products
    if products.newest_day is None:
        return None
    return Scope(frozenset(products.covered), products.newest_day, products.newest_version)


class _Run:
    """What one import has come to so far."""

    def __init__(
        self,
        path: Path,
        store: ChangeStore,
        sighting: str | None,
        on_bad_row: Callable[[int, str], None],
        on_implausible: Callable[[int, str], None],
    ) -> None:
        self._path = path
        self._store = store
        self._sighting = sighting
        self._on_bad_row = on_bad_row
        self._on_implausible = on_implausible
        self._good = 0
        self._bad = 0
        self._not_reported = 0
        self._implausible = 0
        self._tally: Tally = Tally()
        self._sources: set[str] = set()
        self._unknown_rows = 0
        self._unknown: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<_Run {self._path} good={self._good} bad={self._bad}>"

    def note_unknown(self, label: str) -> None:
        self._unknown_rows += 1
        if label in self._unknown or len(self._unknown) < _UNKNOWN_NAMES_MAX:
            self._unknown[label] += 1

    def note_implausible(self, line: int, doubt: str) -> None:
        self._implausible += 1
        self._on_implausible(line, doubt)

    async def add_all(
        self,
        rows: Iterator[Row],
        bytes_read: Callable[[], int],
        batch_rows: int,
        on_progress: Callable[[int], None],
    ) -> None:
        async with aclosing(batches_ahead(rows, bytes_read, batch_rows)) as batches:
            async for batch, read_bytes in batches:
                await self._add(batch)
                on_progress(read_bytes)

    async def _add(self, batch: Sequence[Row]) -> None:
        good: list[tuple[int, ProductRecord]] = []
        bad: list[tuple[int, str]] = []
        for number, row in batch:
            if isinstance(row, ProductRecord):
                good.append((number, row))
                continue
            if row is None:
                self._not_reported += 1
                continue
            bad.append((number, str(row)))
            if not (self._good or good) and self._bad + len(bad) == LEADING_BAD_ROWS_MAX:
                raise ImportRefused(
                    f"{self._path}: the first {LEADING_BAD_ROWS_MAX} rows are all wrong; line {number}: {row}"
                )
        for number, reason in bad:
            self._on_bad_row(number, reason)
        self._bad += len(bad)
        if good:
            await self._apply(good)

    async def _apply(self, good: Sequence[tuple[int, ProductRecord]]) -> None:
        applied = await self._store.apply([record for _, record in good], sighting=self._sighting)
        self._good += len(good)
        for (number, record), one in zip(good, applied, strict=True):
            self._sources.add(record.source)
            self._tally[one.outcome] += 1
            if one.outcome is WriteOutcome.REJECTED:
                self._on_bad_row(number, one.reason or "rejected")

    def summary(self, scope: Scope | None) -> ImportSummary:
        rows = self._good + self._bad + self._not_reported
        if not rows:
            raise ImportRefused(f"{self._path}: holds a header and no rows")
        return ImportSummary(
            rows,
            self._bad,
            self._tally,
            frozenset(self._sources),
            self._unknown_rows,
            self._unknown,
            self._not_reported,
            self._implausible,
            scope,
        )
