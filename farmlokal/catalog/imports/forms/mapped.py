"""Lists whose columns a mapping explains: what their rows become."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from farmlokal.catalog.imports.csv_rows import csv_line
from farmlokal.catalog.imports.dates import midnight, parse_day
from farmlokal.catalog.imports.forms.headers import Header, listed, same_column
from farmlokal.catalog.imports.forms.html_text import text_of_html
from farmlokal.catalog.imports.forms.mapping import ListMapping
from farmlokal.catalog.imports.forms.market_form import price_text, with_plain_prices
from farmlokal.catalog.imports.forms.numbers import DecimalMark, decimal_mark, is_number, plain_number
from farmlokal.catalog.imports.forms.reading_options import DEFAULT_SOURCE, FormRows, Reading, Row
from farmlokal.catalog.imports.forms.tables import Table
from farmlokal.catalog.imports.lines import EXCERPT_CHARS
from farmlokal.catalog.imports.market_rows import MarketRow, NumberedRow
from farmlokal.catalog.imports.wire_files import NUMBERS, product_of
from farmlokal.catalog.wire import wire_time
from farmlokal.errors import Fault, ImportRefused, InvalidRecord

_SEPARATOR = "|"
_PRICES = frozenset({"min_price", "max_price", "modal_price"})


class _Picked(NamedTuple):
    """One row's cells by column, those that are carried included. whole: the row as the file has it."""

    number: int
    cells: Mapping[str, str]
    whole: Sequence[str]


def lacking(mapping: ListMapping, header: Header) -> dict[str, str]:
    """The columns that a file must have and `header` has not, with their places in the mapping."""
    present = set(map(same_column, header.cells))
    may_lack = {same_column(column) for column in mapping.optional}
    return {
        column: place
        for column, place in mapping.named.items()
        if same_column(column) not in present and same_column(column) not in may_lack
    }


def read_mapped(mapping: ListMapping, table: Table, index: int, header: Header, reading: Reading) -> FormRows:
    """The rows of `table` after its header, which is row `index` of its head.

    Raises ImportRefused, which names every column of the mapping that the file lacks.
    """
    if missing := lacking(mapping, header):
        faults = "; ".join(f"{place} names {column!r}" for column, place in missing.items())
        raise ImportRefused(f"lacks columns of the mapping {mapping.name}: {faults}. It has {listed(header.cells)}")
    rows = _MappedRows(mapping, table, index, header, reading)
    labels = {field: " + ".join(columns) for field, columns in mapping.columns.items()}
    if mapping.kind == "prices":
        return FormRows(market_rows=rows.prices(labels), columns=labels, day_first=mapping.day_first)
    return FormRows(products=rows.products(labels))


class _MappedRows:
    def __init__(self, mapping: ListMapping, table: Table, index: int, header: Header, reading: Reading) -> None:
        self._mapping = mapping
        self._rows = table.after(index, header)
        self._reading = reading
        places = {same_column(cell): place for place, cell in reversed(list(enumerate(header.cells)))}
        self._places = {column: places.get(same_column(column)) for column in mapping.named}
        self._mark = self._decimal_mark(table, index)
        self._source = reading.source or mapping.source or DEFAULT_SOURCE

    def __repr__(self) -> str:
        return f"<_MappedRows {self._mapping.name} {self._mark}>"

    def products(self, labels: Mapping[str, str]) -> Iterator[Row]:
        """Each row's number with its product, or what is wrong with it."""
        known = {**labels, "external_id": " + ".join(self._mapping.id)}
        for row in self._picked():
            if not isinstance(row, _Picked):
                yield row
                continue
            try:
                fields = self._product_fields(row, known)
                record = product_of(
                    fields, known, source=self._source, now=self._reading.now, on_unknown=self._reading.on_unknown
                )
            except InvalidRecord as fault:
                yield row.number, InvalidRecord(fault.faults, csv_line(row.whole))
            else:
                yield row.number, record

    def prices(self, labels: Mapping[str, str]) -> Iterator[NumberedRow]:
        """Each row's number with its market prices, or what is wrong with it."""
        said = [labels.get(field, field) for field in ("min_price", "max_price", "modal_price")]
        for row in self._picked():
            if not isinstance(row, _Picked):
                yield row
                continue
            try:
                cells = MarketRow._make([self._value(row, field) for field in MarketRow._fields])
                yield row.number, with_plain_prices(cells, self._mark, said)
            except InvalidRecord as fault:
                yield row.number, InvalidRecord(fault.faults, csv_line(row.whole))

    def _decimal_mark(self, table: Table, index: int) -> DecimalMark:
        if self._mapping.decimal is not None:
            return DecimalMark(self._mapping.decimal)
        numbers = [
            self._places[column]
            for field, columns in self._mapping.columns.items()
            if field in NUMBERS or field in _PRICES
            for column in columns
        ]
        sample = [cells for _, cells in table.head[index + 1 :] if not isinstance(cells, InvalidRecord)]
        return decimal_mark(
            (cells[place] for cells in sample for place in numbers if place is not None and place < len(cells)),
            delimiter=table.delimiter,
        )

    def _picked(self) -> Iterator[_Picked | tuple[int, InvalidRecord]]:
        """The rows that are on offer, each with the cells of the columns that the mapping names."""
        mapping = self._mapping
        carried: dict[str, str] = {}
        for number, cells in self._rows:
            if isinstance(cells, InvalidRecord):
                yield number, cells
                continue
            if _is_tags(cells):
                continue
            row = {
                column: "" if place is None else " ".join(cells[place].split())
                for column, place in self._places.items()
            }
            if mapping.carry is not None:
                carried = _carry(row, carried, mapping.carry.by, mapping.carry.columns)
            if all(row[column] for column in mapping.skip_without) and all(
                row[column].lower() in words for column, words in mapping.only.items()
            ):
                yield _Picked(number, row, cells)

    def _value(self, row: _Picked, field: str) -> str:
        """What a row has for a field: its columns' cells, translated where the mapping does, else the default."""
        said = " ".join(filter(None, (row.cells[column] for column in self._mapping.columns.get(field, ()))))
        if field in self._mapping.html:
            said = text_of_html(said)
        said = self._mapping.values.get(field, {}).get(said.lower(), said)
        return said or self._mapping.defaults.get(field, "")

    def _product_fields(self, row: _Picked, labels: Mapping[str, str]) -> dict[str, str]:
        fields = {field: self._value(row, field) for field in self._fields}
        faults: list[Fault] = []
        for field, make in (
            *((number, self._number) for number in NUMBERS if number != "version" and fields.get(number)),
            *((time, self._time) for time in ("version", "created_at") if fields.get(time)),
        ):
            try:
                fields[field] = make(field, fields[field])
            except ValueError as error:
                faults.append(Fault(labels.get(field, field), fields[field][:EXCERPT_CHARS], str(error)))
        fields["external_id"] = self._id(row, faults)
        if faults:
            raise InvalidRecord(faults)
        if not fields.get("version"):
            fields["version"] = str(int(self._reading.changed_at.timestamp()))
        if not fields.get("category"):
            fields["category"] = "other"
        return self._in_our_unit(fields)

    @property
    def _fields(self) -> Sequence[str]:
        return tuple(dict.fromkeys((*self._mapping.columns, *self._mapping.defaults)))

    def _number(self, field: str, said: str) -> str:
        number = price_text(said, self._mark) if field == "price" else plain_number(said, self._mark)
        if not is_number(number):
            raise ValueError("must be a number")
        return number

    def _time(self, field: str, said: str) -> str:
        if field == "version" and said.isdecimal():
            return said
        if "T" in said and field == "created_at":
            return said
        day_first = self._mapping.day_first
        if day_first is None and parse_day(said, day_first=True) != parse_day(said, day_first=False):
            raise ValueError('can be read in two ways: say dates = "day-first" or "month-first" in the mapping')
        moment = midnight(parse_day(said, day_first=bool(day_first)))
        return str(int(moment.timestamp())) if field == "version" else wire_time(moment)

    def _id(self, row: _Picked, faults: list[Fault]) -> str:
        parts = [row.cells[column] for column in self._mapping.id]
        for place, (column, part) in enumerate(zip(self._mapping.id, parts, strict=True)):
            if not part and (place == 0 or column not in self._mapping.optional):
                faults.append(Fault(column, "", "must be given: it is part of the id"))
        if len(parts) == 1:
            return parts[0]
        escaped = (part.replace("%", "%25").replace(_SEPARATOR, "%7c") for part in parts)
        return _SEPARATOR.join(escaped).rstrip(_SEPARATOR)

    def _in_our_unit(self, fields: dict[str, str]) -> dict[str, str]:
        rule = self._mapping.units.get(fields["unit"].lower())
        if rule is None:
            return fields
        fields["unit"] = rule.unit
        if rule.per > 1:
            fields["price"] = str((Decimal(fields["price"]) / rule.per).quantize(Decimal("0.01"), ROUND_HALF_UP))
        return fields


def _carry(row: dict[str, str], carried: dict[str, str], by: str, columns: Sequence[str]) -> dict[str, str]:
    """Fills in what `row` leaves to an earlier one. carried: that one's cells. Returns what a later one may need."""
    if carried.get(by) != row[by]:
        carried = {by: row[by]}
    for column in columns:
        row[column] = carried[column] = row[column] or carried.get(column, "")
    return carried


def _is_tags(cells: Sequence[str]) -> bool:
    """Whether it is the row of tags (`#adm1+name`) that humanitarian tables have under their header."""
    return cells[0].startswith("#") and all(cell.startswith("#") for cell in cells if cell)
