"""Which form a file has: the first row of this table whose header is among the first rows of the file.

A header of a form's own columns counts before one that merely shares a column with it, so that each form is looked for
in all of the first rows before the next one is.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from farmlokal.catalog.imports.forms import agmarknet, foreign, portal, wire_table
from farmlokal.catalog.imports.forms.headers import Header, same_column
from farmlokal.catalog.imports.forms.mapped import lacking, read_mapped
from farmlokal.catalog.imports.forms.mapping import ListMapping, shipped_mappings
from farmlokal.catalog.imports.forms.reading_options import FormRows, Reading
from farmlokal.catalog.imports.forms.tables import Table
from farmlokal.catalog.imports.lines import EXCERPT_CHARS
from farmlokal.errors import ImportRefused, InvalidRecord

_NO_HEADER = Header((), ())

Read = Callable[[Table, int, Header, Reading], FormRows]


class Form(NamedTuple):
    """A form that files may have. read: how its rows are read, or why they are not."""

    title: str
    is_header: Callable[[Header], bool]
    read: Read | str


class Found(NamedTuple):
    """A form, and the row of a table's head that is its header."""

    form: Form
    table: Table
    row: int
    header: Header

    def read(self, reading: Reading) -> FormRows:
        """The table's rows. Raises ImportRefused where the form is one that is refused, or a column is missing."""
        if isinstance(self.form.read, str):
            raise ImportRefused(f"is {self.form.title}: {self.form.read}")
        rows = self.form.read(self.table, self.row, self.header, reading)
        reading.on_remark(", ".join(filter(None, (f"read as {self.form.title}", self.table.where))))
        return rows


def forms() -> Sequence[Form]:
    """All forms, in the order in which they are looked for."""
    daily, report, prices = agmarknet.DAILY_REPORT, agmarknet.PRICE_REPORT, portal.PORTAL
    products = "products in columns of our own"
    return (
        Form(
            "a price table of the World Food Programme (HDX)",
            foreign.is_wfp,
            "of other countries and currencies, for which a --mapping can be written",
        ),
        Form("a table of the FAO", foreign.is_fao, "it has figures of whole countries, and no prices of markets"),
        Form("a directory of the USDA", foreign.is_usda, "it lists places that sell, and no products"),
        Form("the portal's list of markets", foreign.is_markets, "give it with --locations, beside a file of prices"),
        Form(
            "Agmarknet 2.0's marketwise report",
            agmarknet.is_marketwise,
            "it has one average for each commodity and day, without variety and grade: ask for the daily report",
        ),
        Form(
            "Agmarknet 2.0's report over all grades",
            agmarknet.is_all_grades,
            "it has averages, without variety and grade: ask for the daily report",
        ),
        Form(daily.title, agmarknet.is_daily_report, daily.read),
        Form(prices.title, portal.is_whole_portal, prices.read),
        Form(report.title, agmarknet.is_price_report, report.read),
        Form(products, wire_table.is_whole_wire, wire_table.read_wire),
        # What asks for more columns is more particular.
        *(
            _of_mapping(mapping)
            for mapping in sorted(shipped_mappings(), key=lambda one: -len(lacking(one, _NO_HEADER)))
        ),
        # From here on a column is missing, which reading it says.
        Form(prices.title, portal.is_portal, prices.read),
        Form(products, wire_table.is_wire, wire_table.read_wire),
    )


def find_table(tables: Sequence[Table], reading: Reading) -> Found:
    """The one of `tables` that has a form. Raises ImportRefused where none has, or more than one."""
    mapping = reading.options.mapping
    found = _of_any_form(tables) if mapping is None else [_by_mapping(tables, mapping)]
    if not found:
        raise ImportRefused(f"is of no known form: it starts with {_start(tables)!r}; a --mapping can explain a list")
    first = found[0]
    others = [one.table.where for one in found[1:] if one.table.where and one.table.where != first.table.where]
    if others:
        places = ", ".join([first.table.where, *others])
        raise ImportRefused(f"holds more than one table to read: {places}: save one as CSV, or name it in a --mapping")
    return first


def has_form(tables: Sequence[Table]) -> bool:
    """Whether one of `tables` has a form."""
    return bool(_of_any_form(tables))


def _of_any_form(tables: Sequence[Table]) -> list[Found]:
    """Where the first form that any of `tables` has is found, in each of them that has it."""
    for form in forms():
        if found := [one for table in tables if (one := _header_in(table, form)) is not None]:
            return found
    return []


def _by_mapping(tables: Sequence[Table], mapping: ListMapping) -> Found:
    """Where the header of a mapping is: the row that has the most of its columns."""
    form = _of_mapping(mapping)
    wanted = set(map(same_column, mapping.named))
    chosen = [table for table in tables if mapping.sheet is None or table.where == f"sheet {mapping.sheet!r}"]
    if not chosen:
        raise ImportRefused(f"has no sheet {mapping.sheet!r}: {', '.join(table.where for table in tables)} it has")
    rows = [
        (len(wanted.intersection(map(same_column, header.cells))), Found(form, table, index, header))
        for table in chosen
        for index, header in _headers(table)
    ]
    most, found = max(rows, key=lambda row: row[0], default=(0, None))
    if found is None or not most:
        raise ImportRefused(f"has none of the columns of the mapping {mapping.name}: it starts with {_start(tables)!r}")
    return found


def _of_mapping(mapping: ListMapping) -> Form:
    def read(table: Table, index: int, header: Header, reading: Reading) -> FormRows:
        return read_mapped(mapping, table, index, header, reading)

    return Form(mapping.title, lambda header: not lacking(mapping, header), read)


def _header_in(table: Table, form: Form) -> Found | None:
    return next(
        (Found(form, table, index, header) for index, header in _headers(table) if form.is_header(header)), None
    )


def _headers(table: Table) -> list[tuple[int, Header]]:
    """The rows of the head that could be a header, as such."""
    return [
        (index, Header.of(cells)) for index, (_, cells) in enumerate(table.head) if not isinstance(cells, InvalidRecord)
    ]


def _start(tables: Sequence[Table]) -> str:
    cells = tables[0].head[0][1] if tables and tables[0].head else ""
    said = str(cells) if isinstance(cells, InvalidRecord) else ",".join(cells)
    return said[:EXCERPT_CHARS]
