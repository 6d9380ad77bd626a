"""Our own fields as the columns of a table."""

from collections.abc import Iterator, Mapping

from farmlokal.catalog.imports.csv_rows import csv_line
from farmlokal.catalog.imports.forms.headers import Header, listed
from farmlokal.catalog.imports.forms.numbers import DecimalMark, decimal_mark, plain_number
from farmlokal.catalog.imports.forms.reading_options import DEFAULT_SOURCE, FormRows, Reading, Row
from farmlokal.catalog.imports.forms.tables import Table
from farmlokal.catalog.imports.lines import EXCERPT_CHARS
from farmlokal.catalog.imports.wire_files import FIELDS, NUMBERS, REQUIRED_FIELDS, product_of
from farmlokal.errors import Fault, ImportRefused, InvalidRecord


def is_wire(header: Header) -> bool:
    """Whether `header` has one of the columns that a table of our own must have."""
    return not set(REQUIRED_FIELDS).isdisjoint(_fields(header))


def is_whole_wire(header: Header) -> bool:
    """Whether `header` has all of them."""
    return set(REQUIRED_FIELDS).issubset(_fields(header))


def read_wire(table: Table, index: int, header: Header, reading: Reading) -> FormRows:
    """The rows of `table` after its header, which is row `index` of its head. Raises ImportRefused."""
    fields = _fields(header)
    if missing := [field for field in REQUIRED_FIELDS if field not in fields]:
        reason = f"is no table of products as they are: column missing: {', '.join(missing)}"
        raise ImportRefused(f"{reason}; a --mapping can say what the columns {listed(header.cells)} mean")
    unknown = [cell for cell, field in zip(header.cells, fields, strict=True) if cell and field not in FIELDS]
    if unknown:
        raise ImportRefused(f"is a table of products with an unknown column: {listed(unknown)}")
    if twice := header.twice():
        raise ImportRefused(f"is a table of products, and names a column twice: {twice}")
    return FormRows(products=_rows(table, index, header, fields, reading))


def _fields(header: Header) -> list[str]:
    return [key.replace("-", "_") for key in header.keys]


def _rows(table: Table, index: int, header: Header, fields: list[str], reading: Reading) -> Iterator[Row]:
    labels = dict(zip(fields, header.cells, strict=True))
    numbers = [field for field in NUMBERS if field in labels]
    places = [fields.index(field) for field in numbers]
    sample = [cells for _, cells in table.head[index + 1 :] if not isinstance(cells, InvalidRecord)]
    mark = decimal_mark(
        (cells[place] for cells in sample for place in places if place < len(cells)), delimiter=table.delimiter
    )
    for number, cells in table.after(index, header):
        if isinstance(cells, InvalidRecord):
            yield number, cells
            continue
        row = {field: cell for field, cell in zip(fields, cells, strict=True) if field}
        try:
            _check_unnamed(fields, cells)
            _make_plain(row, numbers, labels, mark)
            yield (
                number,
                product_of(
                    row,
                    labels,
                    source=reading.source or DEFAULT_SOURCE,
                    now=reading.now,
                    on_unknown=reading.on_unknown,
                ),
            )
        except InvalidRecord as fault:
            yield number, InvalidRecord(fault.faults, csv_line(cells))


def _check_unnamed(fields: list[str], cells: list[str]) -> None:
    faults = [
        Fault(f"cell {place}", cell[:EXCERPT_CHARS], "must not be there: its column has no name")
        for place, (field, cell) in enumerate(zip(fields, cells, strict=True), start=1)
        if not field and cell.strip()
    ]
    if faults:
        raise InvalidRecord(faults)


def _make_plain(row: dict[str, str], numbers: list[str], labels: Mapping[str, str], mark: DecimalMark) -> None:
    faults = []
    for field in numbers:
        said = row[field]
        if said.isdigit():
            continue
        try:
            row[field] = plain_number(said, mark)
        except ValueError as error:
            faults.append(Fault(labels[field], said[:EXCERPT_CHARS], str(error)))
    if faults:
        raise InvalidRecord(faults)
