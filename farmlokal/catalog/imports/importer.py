"""One file into the catalogue, batch by batch."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from farmlokal.catalog.imports.markets import Markets, load_markets
from farmlokal.catalog.imports.reading import Row, open_rows
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import Applied, Tally, WriteOutcome
from farmlokal.errors import ImportRefused

# A file whose first hundred rows are all wrong is another kind of file under our header, not one with a few slips.
LEADING_BAD_ROWS_MAX = 100

DEFAULT_SOURCE = "import"

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


class ImportSummary(NamedTuple):
    """What an import came to: `rows` is `bad_rows` (those that are no record) and the records of `tally` together.

    unknown_rows: how many of the records have a category that is not in the list, and became `other`.
    unknown_categories: how many by what they call it, for the first thousand such names.
    """

    rows: int
    bad_rows: int
    tally: Tally
    sources: frozenset[str]
    unknown_rows: int
    unknown_categories: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether every row landed, or was there already: none was bad, and the store rejected none."""
        return not self.bad_rows and not self.tally[WriteOutcome.REJECTED]


def _ignore(*_: object) -> None:
    pass


async def import_file(
    path: Path,
    store: ChangeStore,
    *,
    locations: Path | None = None,
    source: str = DEFAULT_SOURCE,
    sighting: str | None = None,
    batch_rows: int = 1000,
    on_progress: Callable[[int], None] = _ignore,
    on_bad_row: Callable[[int, str], None] = _ignore,
    now: datetime | None = None,
) -> ImportSummary:
    """Imports the file at `path` into `store`. Returns what became of its rows. Importing it again changes nothing.

    `locations` is the portal's market file; `source` stands in where a product of the file names none. After each
    batch, `on_progress` gets the bytes read so far. `on_bad_row` gets the line number and the reason of each row that
    cannot be read or that the store rejects, in the order of the file within each of the two. `now`, aware, is the
    clock's time unless it is given: what lies more than a day after it is refused.

    Raises ImportRefused, before anything is written, where the file or `locations` is not what it should be.
    """
    markets = Markets() if locations is None else await asyncio.to_thread(load_markets, locations)
    run = _Run(path, store, sighting, on_bad_row)
    with open_rows(path, markets=markets, source=source, now=now, on_unknown=run.note_unknown) as rows:
        while batch := await asyncio.to_thread(lambda: list(islice(rows, batch_rows))):
            await run.add(batch)
            on_progress(rows.bytes_read)
    return run.summary()


class _Run:
    """What one import has come to so far."""

    def __init__(
        self, path: Path, store: ChangeStore, sighting: str | None, on_bad_row: Callable[[int, str], None]
    ) -> None:
        self._path = path
        self._store = store
        self._sighting = sighting
        self._on_bad_row = on_bad_row
        self._good = 0
        self._bad = 0
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

    async def add(self, batch: Sequence[Row]) -> None:
        good: list[tuple[int, ProductRecord]] = []
        bad: list[tuple[int, str]] = []
        for number, row in batch:
            if isinstance(row, ProductRecord):
                good.append((number, row))
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

    def summary(self) -> ImportSummary:
        if not self._good + self._bad:
            raise ImportRefused(f"{self._path}: holds a header and no rows")
        return ImportSummary(
            self._good + self._bad,
            self._bad,
            self._tally,
            frozenset(self._sources),
            self._unknown_rows,
            self._unknown,
        )
