"""What the import tests share: a store in memory with the real one's version rules, and a maker of price files."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.reasons import BadRow
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.carry_over import Renew
from farmlokal.catalog.writing.market_files import Commodity
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome

ORDINARY_ROW = {
    "State": "Maharashtra",
    "District": "Pune",
    "Market": "Pimpri",
    "Commodity": "Tomato",
    "Variety": "Hybrid",
    "Grade": "FAQ",
    "Arrival_Date": "19/02/2025",
    "Min_x0020_Price": "1200",
    "Max_x0020_Price": "1600",
    "Modal_x0020_Price": "1400",
}
AS_THE_FILE_SAYS = MarketOptions()
AS_THE_FILE_IS = ReadOptions()
HEADER = ",".join(ORDINARY_ROW)
ALLOWED = "letters, marks, digits, punctuation, symbols, blanks and joiners are allowed"


def mandi_row(**differing: str) -> str:
    """One line of a price CSV, ordinary but for the named columns; `Min`, `Max`, `Modal` are the prices."""
    names = {short: f"{short}_x0020_Price" for short in ("Modal", "Min", "Max")}
    cells = ORDINARY_ROW | {names.get(column, column): cell for column, cell in differing.items()}
    return ",".join(cells.values())


def mandi_csv(*rows: str) -> str:
    """A price CSV of `rows`."""
    return "\n".join([HEADER, *rows, ""])


class MemoryStore:
    """Products by identity; keeps the sizes of the batches and the names of the runs that it was told."""

    def __init__(self) -> None:
        self.products: dict[tuple[str, str], ProductRecord] = {}
        self.batches: list[int] = []
        self.sightings: set[str | None] = set()

    async def apply(self, changes: Sequence[ProductRecord | Deletion], *, sighting: str | None = None) -> list[Applied]:
        """What the real store does, without a database."""
        self.batches.append(len(changes))
        self.sightings.add(sighting)
        return [self._apply(change) for change in changes if isinstance(change, ProductRecord)]

    def _apply(self, record: ProductRecord) -> Applied:
        key = (record.source, record.external_id)
        held = self.products.get(key)
        if held is not None and held.version > record.version:
            return Applied(WriteOutcome.OUTDATED)
        if held is not None and held.version == record.version:
            same = held.digest() == record.digest()
            return (
                Applied(WriteOutcome.UNCHANGED)
                if same
                else Applied(WriteOutcome.REJECTED, "this version had other content")
            )
        self.products[key] = record
        return Applied(WriteOutcome.CREATED if held is None else WriteOutcome.UPDATED)


class MemoryOfFiles:
    """What market files said, and what commodities cost, without a database. Old products are none of its business."""

    def __init__(self) -> None:
        self._seen: dict[date, list[str]] = {}
        self.prices: dict[Commodity, int] = {}

    async def carry_over(self, source: str, tables: str, renew: Renew) -> None:
        """Nothing: the store in memory starts empty."""

    async def has_former_identities(self, source: str) -> bool:
        """None has any."""
        return False

    async def sequences(self, source: str, digests: Mapping[date, str]) -> dict[date, int]:
        """The place of each digest among those of its day, from 1 in the order of arrival."""
        for day, digest in digests.items():
            if digest not in self._seen.setdefault(day, []):
                self._seen[day].append(digest)
        return {day: self._seen[day].index(digest) + 1 for day, digest in digests.items()}

    async def usual_prices(self, source: str) -> dict[Commodity, int]:
        """What was kept."""
        return dict(self.prices)

    async def keep_usual_prices(self, source: str, prices: Mapping[Commodity, int], day: date) -> None:
        """Keeps `prices`."""
        self.prices |= prices


class Imported(NamedTuple):
    """What an import returned, and what it reported on the way."""

    summary: ImportSummary
    bad_rows: list[tuple[int, str]]
    progress: list[int]
    implausible: list[tuple[int, str]]
    bad_rows_whole: list[BadRow]


class Importing:
    """Imports into one store, again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.memory = MemoryOfFiles()

    @property
    def products(self) -> list[ProductRecord]:
        """What the store holds, in the order of arrival."""
        return list(self.store.products.values())

    async def __call__(
        self,
        content: bytes | str | Path,
        *,
        locations: Path | None = None,
        batch_rows: int = 1000,
        now: datetime | None = None,
        options: MarketOptions = AS_THE_FILE_SAYS,
        reading: ReadOptions = AS_THE_FILE_IS,
        errors_max: int | None = None,
    ) -> Imported:
        """Imports `content`, a file or what stands in one."""
        path = self._file_with(content)
        bad_rows: list[BadRow] = []
        progress: list[int] = []
        implausible: list[tuple[int, str]] = []
        summary = await import_file(
            path,
            self.store,
            self.memory,
            options=options,
            reading=reading,
            locations=locations,
            errors_max=errors_max,
            batch_rows=batch_rows,
            sighting="run-1",
            on_progress=progress.append,
            on_bad_row=bad_rows.append,
            on_implausible=lambda bad: implausible.append((bad.line, bad.reason)),
            now=now,
        )
        reasons = [(bad.line, bad.reason) for bad in bad_rows]
        return Imported(summary, reasons, progress, implausible, bad_rows)

    def _file_with(self, content: bytes | str | Path) -> Path:
        if isinstance(content, Path):
            return content
        path = self.folder / "given.dat"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path
