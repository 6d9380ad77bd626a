"""Market prices in columns: the forms that publish them differ in what they call the columns, and in what they lack."""

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple

from farmlokal.catalog.imports.csv_rows import csv_line
from farmlokal.catalog.imports.forms.headers import Header, bracketed
from farmlokal.catalog.imports.forms.numbers import DecimalMark, decimal_mark, plain_number
from farmlokal.catalog.imports.forms.reading_options import FormRows, Reading
from farmlokal.catalog.imports.forms.tables import NumberedCells, Table
from farmlokal.catalog.imports.lines import EXCERPT_CHARS
from farmlokal.catalog.imports.market_rows import MarketRow, NumberedRow
from farmlokal.errors import Fault, ImportRefused, InvalidRecord

# The keys of the columns in which a field may stand, the likeliest first.
COLUMN_KEYS: Mapping[str, tuple[str, ...]] = {
    "state": ("state", "state-name", "state-ut", "state-ut-name"),
    "district": ("district", "district-name"),
    "market": ("market", "market-name"),
    "commodity": ("commodity", "commodity-name"),
    "variety": ("variety", "variety-name"),
    "grade": ("grade", "grade-name"),
    "arrival_date": ("arrival-date", "price-date", "reported-date"),
    "min_price": ("min-price", "minimum-price"),
    "max_price": ("max-price", "maximum-price"),
    "modal_price": ("modal-price",),
    "unit": ("price-unit",),
}
PRICES = ("min_price", "max_price", "modal_price")
# What stands in a column of prices where none was reported.
_NOT_REPORTED = frozenset({"-", "--", "nr", "na", "n/a"})


class MarketForm(NamedTuple):
    """A form of market prices in columns. title: for messages. labels: what the form itself calls each field."""

    title: str
    labels: Mapping[str, str]

    def read(self, table: Table, index: int, header: Header, reading: Reading) -> FormRows:
        """The rows of `table` after its header, which is row `index` of its head. Raises ImportRefused."""
        places = self.places(header, reading)
        unit = "" if places["unit"] is not None else bracketed(header.cells[places["modal_price"] or 0])
        numbers = [places[field] for field in PRICES]
        sample = [cells for _, cells in table.head[index + 1 :] if not isinstance(cells, InvalidRecord)]
        mark = decimal_mark(
            (row[place] for row in sample for place in numbers if place is not None and place < len(row)),
            delimiter=table.delimiter,
        )
        columns = {field: header.cells[place] for field, place in places.items() if place is not None}
        constants = [reading.options.state or "", unit]
        width = len(header.cells)
        beyond = {"state": width, "unit": width + 1}
        picked = itemgetter(*[beyond[field] if place is None else place for field, place in places.items()])
        labels = [columns[field] for field in PRICES]
        rows = table.after(index, header)
        return FormRows(market_rows=_rows(rows, lambda cells: picked(cells + constants), mark, labels), columns=columns)

    def places(self, header: Header, reading: Reading) -> dict[str, int | None]:
        """Where each field of a MarketRow stands; None for the state and the unit where no column has them.

        Raises ImportRefused, which names the form's own columns.
        """
        if twice := header.twice():
            raise ImportRefused(f"is {self.title}, and names a column twice: {twice}")
        places = {field: place_of(header, field) for field in MarketRow._fields}
        missing = [field for field, place in places.items() if place is None and field not in ("state", "unit")]
        lacks_state = places["state"] is None and reading.options.state is None
        if lacks_state and "state" in self.labels:
            missing.insert(0, "state")
        faults = []
        if missing:
            labels = ", ".join(self.labels[field] for field in missing)
            faults.append(f"has no column {labels} (a --mapping can give what a file lacks)")
        if lacks_state and "state" not in self.labels:
            faults.append("does not say its state: say --state NAME")
        if places["state"] is not None and reading.options.state is not None:
            faults.append(f"has the states in its column {header.cells[places['state']]}: leave --state out")
        if faults:
            raise ImportRefused(f"is {self.title}, but {', and '.join(faults)}")
        return places


def place_of(header: Header, field: str) -> int | None:
    """Which column of `header` has a field of a MarketRow."""
    return next((header.keys.index(key) for key in COLUMN_KEYS[field] if key in header.keys), None)


def price_text(cell: str, mark: DecimalMark) -> str:
    """A price as a plain number, empty where none was reported. Raises ValueError where it can be read in two ways."""
    return "" if cell.strip().lower() in _NOT_REPORTED else plain_number(cell, mark)


def with_plain_prices(row: MarketRow, mark: DecimalMark, labels: list[str]) -> MarketRow:
    """`row` with its prices as plain numbers. labels: what the file calls PRICES. Raises InvalidRecord."""
    if row.min_price.isdigit() and row.max_price.isdigit() and row.modal_price.isdigit():
        return row  # as most of a file are
    prices: dict[str, str] = {}
    faults = []
    for field, label in zip(PRICES, labels, strict=True):
        said = getattr(row, field)
        try:
            prices[field] = said if said.isdigit() else price_text(said, mark)
        except ValueError as error:
            faults.append(Fault(label, said[:EXCERPT_CHARS], str(error)))
    if faults:
        raise InvalidRecord(faults)
    if row.modal_price and not prices["modal_price"]:
        prices["modal_price"] = "0"
    return row._replace(**prices)


def _rows(
    rows: Iterator[NumberedCells], picked: Callable[[list[str]], tuple[str, ...]], mark: DecimalMark, labels: list[str]
) -> Iterator[NumberedRow]:
    for number, cells in rows:
        if isinstance(cells, InvalidRecord):
            yield number, cells
            continue
        try:
            yield number, with_plain_prices(MarketRow._make(picked(cells)), mark, labels)
        except InvalidRecord as fault:
            yield number, InvalidRecord(fault.faults, csv_line(cells))
