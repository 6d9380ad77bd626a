"""What a file is, told from its content and never from its name, and the rows that it holds."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

from farmlokal.catalog.imports.csv_rows import csv_cells
from farmlokal.catalog.imports.inputs import InputFile
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, Line, Lines, OnUnknown
from farmlokal.catalog.imports.mandi import COLUMNS, TELLING_COLUMNS, mandi_rows, plain_column, published_columns
from farmlokal.catalog.imports.market_rows import NumberedRow
from farmlokal.catalog.imports.opening import start_of_text
from farmlokal.catalog.imports.truncation import ends_within_csv, ends_within_json
from farmlokal.catalog.imports.wire_files import FIELDS, REQUIRED_FIELDS, ndjson_rows, wire_csv_rows
from farmlokal.catalog.records import ProductRecord
from farmlokal.errors import ImportRefused, InvalidRecord

Row = tuple[int, ProductRecord | InvalidRecord]
CsvRows = Callable[[Lines, Sequence[str]], Iterator[Row]]


class ImportRows:
    """The rows of an open file, each with the number of the line on which it starts, read as they are asked for.

    products: the records of a file of products, else None. market_rows: the rows of a file of market prices, else None.
    columns: what such a file calls the fields of a MarketRow.
    """

    def __init__(
        self,
        file: BinaryIO,
        products: Iterator[Row] | None = None,
        market_rows: Iterator[NumberedRow] | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self._file = file
        self.products = products
        self.market_rows = market_rows
        self.columns = columns or {}

    def __repr__(self) -> str:
        return f"<ImportRows bytes_read={self.bytes_read}>"

    @property
    def bytes_read(self) -> int:
        """How far into the file reading has come."""
        return self._file.tell()


@contextmanager
def open_rows(
    given: InputFile,
    *,
    source: str,
    now: datetime | None = None,
    on_unknown: OnUnknown = lambda _: None,
) -> Iterator[ImportRows]:
    """The rows of the file `given`: the portal's price CSV, our NDJSON, or our CSV.

    `source` stands in where a row of ours names none. `now`, aware, is the clock's time unless it is given: what lies
    more than a day after it is refused. `on_unknown` gets each category of ours that is not in the list. Raises
    ImportRefused where the file is none of the three, or stops in the middle of a row.
    """
    now = now or datetime.now(UTC)
    name, file = given.name, given.file
    first, lines = start_of_text(name, file)
    if first.raw.lstrip().startswith(b"{"):
        if ends_within_json(file):
            raise ImportRefused(f"{name}: ends in the middle of a line: it was cut off")
        rows = ndjson_rows(first, lines, source, now=now, on_unknown=on_unknown)
        yield ImportRows(file, rows)
    else:
        of_products = partial(wire_csv_rows, source=source, now=now, on_unknown=on_unknown)
        yield _csv(name, file, first, lines, of_products)


def _csv(name: str, file: BinaryIO, first: Line, lines: Lines, of_products: CsvRows) -> ImportRows:
    try:
        header = [cell.strip() for cell in csv_cells(first, lines)]
    except InvalidRecord as error:
        raise ImportRefused(f"{name}: line {first.number} is no CSV header: {error}") from error
    if TELLING_COLUMNS.intersection(map(plain_column, header)):
        # More columns than we know are fine here: the portal adds some (a commodity's code) without notice.
        _check_header(name, "price CSV", [plain_column(cell) for cell in header], COLUMNS)
        rows = ImportRows(file, market_rows=mandi_rows(lines, header), columns=published_columns(header))
    elif set(REQUIRED_FIELDS).intersection(header):
        _check_header(name, "CSV of products", header, REQUIRED_FIELDS, known=FIELDS)
        rows = ImportRows(file, of_products(lines, header))
    else:
        said = ",".join(header)[:EXCERPT_CHARS]
        raise ImportRefused(
            f"{name}: is neither the portal's price CSV nor products as NDJSON or CSV: it starts with {said!r}"
        )
    if ends_within_csv(file, header):
        raise ImportRefused(f"{name}: ends in the middle of a row: it was cut off")
    return rows


def _check_header(
    name: str, kind: str, columns: Sequence[str], required: Sequence[str], known: Sequence[str] = ()
) -> None:
    if missing := [column for column in required if column not in columns]:
        raise ImportRefused(f"{name}: is no {kind}: column missing: {', '.join(missing)}")
    unknown = [column for column in columns if column not in known]
    if known and unknown:
        raise ImportRefused(f"{name}: is no {kind}: unknown column: {_listed(unknown)}")
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ImportRefused(f"{name}: is no {kind}: column given twice: {_listed(twice)}")


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(repr(column[:EXCERPT_CHARS]) for column in columns[:10])
