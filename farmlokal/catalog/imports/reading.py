"""What a file is, told from its content and never from its name, and the rows that it holds."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from farmlokal.catalog.imports.csv_rows import csv_cells
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, Line, Lines, OnUnknown
from farmlokal.catalog.imports.mandi import COLUMNS, TELLING_COLUMNS, mandi_rows, plain_column
from farmlokal.catalog.imports.markets import Markets
from farmlokal.catalog.imports.opening import open_regular, start_of_text
from farmlokal.catalog.imports.truncation import ends_within_csv, ends_within_json
from farmlokal.catalog.imports.wire_files import FIELDS, REQUIRED_FIELDS, ndjson_rows, wire_csv_rows
from farmlokal.catalog.records import ProductRecord
from farmlokal.errors import ImportRefused, InvalidRecord

Row = tuple[int, ProductRecord | InvalidRecord]
CsvRows = Callable[[Lines, Sequence[str]], Iterator[Row]]


class ImportRows(Iterator[Row]):
    """The rows of an open file, each with the number of the line on which it starts, read as they are asked for."""

    def __init__(self, file: BinaryIO, rows: Iterator[Row]) -> None:
        self._file = file
        self._rows = rows

    def __repr__(self) -> str:
        return f"<ImportRows bytes_read={self.bytes_read}>"

    def __next__(self) -> Row:
        return next(self._rows)

    @property
    def bytes_read(self) -> int:
        """How far into the file reading has come."""
        return self._file.tell()


@contextmanager
def open_rows(
    path: Path,
    *,
    markets: Markets,
    source: str,
    now: datetime | None = None,
    on_unknown: OnUnknown = lambda _: None,
) -> Iterator[ImportRows]:
    """The rows of the file at `path`: the portal's price CSV, our NDJSON, or our CSV.

    `markets` gives the prices their places; `source` stands in where a row of ours names none. `now`, aware, is the
    clock's time unless it is given: what lies more than a day after it is refused. `on_unknown` gets each category
    that is not in the list. Raises ImportRefused where the file is none of the three, or stops in the middle of a row.
    """
    now = now or datetime.now(UTC)
    with open_regular(path) as file:
        first, lines = start_of_text(path, file)
        if first.raw.lstrip().startswith(b"{"):
            if ends_within_json(file):
                raise ImportRefused(f"{path}: ends in the middle of a line: it was cut off")
            rows = ndjson_rows(first, lines, source, now=now, on_unknown=on_unknown)
        else:
            of_prices = partial(mandi_rows, markets=markets, now=now, on_unknown=on_unknown)
            of_products = partial(wire_csv_rows, source=source, now=now, on_unknown=on_unknown)
            rows = _csv(path, file, first, lines, of_prices, of_products)
        yield ImportRows(file, rows)


def _csv(
    path: Path, file: BinaryIO, first: Line, lines: Lines, of_prices: CsvRows, of_products: CsvRows
) -> Iterator[Row]:
    try:
        header = [cell.strip() for cell in csv_cells(first, lines)]
    except InvalidRecord as error:
        raise ImportRefused(f"{path}: line {first.number} is no CSV header: {error}") from error
    if TELLING_COLUMNS.intersection(map(plain_column, header)):
        # More columns than we know are fine here: the portal adds some (a commodity's code) without notice.
        _check_header(path, "price CSV", [plain_column(cell) for cell in header], COLUMNS)
        rows = of_prices(lines, header)
    elif set(REQUIRED_FIELDS).intersection(header):
        _check_header(path, "CSV of products", header, REQUIRED_FIELDS, known=FIELDS)
        rows = of_products(lines, header)
    else:
        said = ",".join(header)[:EXCERPT_CHARS]
        raise ImportRefused(
            f"{path}: is neither the portal's price CSV nor products as NDJSON or CSV: it starts with {said!r}"
        )
    if ends_within_csv(file, header):
        raise ImportRefused(f"{path}: ends in the middle of a row: it was cut off")
    return rows


def _check_header(
    path: Path, kind: str, columns: Sequence[str], required: Sequence[str], known: Sequence[str] = ()
) -> None:
    if missing := [column for column in required if column not in columns]:
        raise ImportRefused(f"{path}: is no {kind}: column missing: {', '.join(missing)}")
    unknown = [column for column in columns if column not in known]
    if known and unknown:
        raise ImportRefused(f"{path}: is no {kind}: unknown column: {_listed(unknown)}")
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ImportRefused(f"{path}: is no {kind}: column given twice: {_listed(twice)}")


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(repr(column[:EXCERPT_CHARS]) for column in columns[:10])
