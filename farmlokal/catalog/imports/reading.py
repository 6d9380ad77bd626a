"""What a file is, told from its content and never from its name, and the rows that it holds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

from farmlokal.catalog.imports.forms import portal_api
from farmlokal.catalog.imports.forms.delimited import delimited_tables
from farmlokal.catalog.imports.forms.detection import find_table, has_form
from farmlokal.catalog.imports.forms.encodings import as_utf8
from farmlokal.catalog.imports.forms.json_documents import beginning, check_whole, documents
from farmlokal.catalog.imports.forms.reading_options import DEFAULT_SOURCE, FormRows, Reading, ReadOptions, Row
from farmlokal.catalog.imports.forms.web_page import web_page
from farmlokal.catalog.imports.forms.workbook import is_workbook, workbook_tables
from farmlokal.catalog.imports.inputs import InputFile
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, Lines, OnUnknown
from farmlokal.catalog.imports.truncation import ends_within_csv, ends_within_json
from farmlokal.catalog.imports.wire_files import objects, wire_products
from farmlokal.errors import Fault, ImportRefused, InvalidRecord

_HEAD_BYTES = 4096
_ZIP = b"PK\x03\x04"
# First bytes of what people import by mistake -> what to tell them.
_FOREIGN_STARTS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook of Excel 97 to 2003: save it as XLSX or CSV first"),
    (b"%PDF", "is a PDF document: its tables cannot be read"),
)
_AS_THE_FILE_SAYS = ReadOptions()


class ImportRows:
    """The rows of an open file, each with the number of the line on which it starts, read as they are asked for.

    products: the records of a file of products, else None. market_rows: the rows of a file of market prices, else None.
    columns: what such a file calls the fields of a MarketRow. day_first: what a mapping says of its dates.
    """

    def __init__(self, rows: FormRows, bytes_read: Callable[[], int]) -> None:
        self.products = rows.products
        self.market_rows = rows.market_rows
        self.columns = rows.columns
        self.day_first = rows.day_first
        self._bytes_read = bytes_read

    def __repr__(self) -> str:
        return f"<ImportRows bytes_read={self.bytes_read}>"

    @property
    def bytes_read(self) -> int:
        """How far into the file reading has come."""
        return self._bytes_read()


@contextmanager
def open_rows(
    given: InputFile,
    *,
    source: str | None = None,
    now: datetime | None = None,
    options: ReadOptions = _AS_THE_FILE_SAYS,
    on_unknown: OnUnknown = lambda _: None,
    on_remark: Callable[[str], None] = lambda _: None,
) -> Iterator[ImportRows]:
    """The rows of the file `given`, from its beginning.

    `source` stands in where a product names none; by default that of the file's form. `now`, aware, is the clock's time
    unless it is given: what lies more than a day after it is refused. `options` is what an operator says of the file.
    `on_unknown` gets each category of ours that is not in the list, `on_remark` what people should know of the file as
    a whole. Raises ImportRefused where the file has no form that is known, or stops in the middle of a row. Reading on
    raises it too, of market rows without the file's name.
    """
    reading = Reading(source, now or datetime.now(UTC), given.changed_at, options, on_unknown, on_remark)
    with ExitStack() as opened:
        try:
            rows = _opened(given.file, reading, opened)
        except ImportRefused as error:
            raise ImportRefused(f"{given.name}: {error}") from error
        yield rows if rows.products is None else _named(given.name, rows)


def _named(name: str, rows: ImportRows) -> ImportRows:
    def products() -> Iterator[Row]:
        try:
            yield from rows.products or ()
        except ImportRefused as error:
            raise ImportRefused(f"{name}: {error}") from error

    return ImportRows(FormRows(products=products()), lambda: rows.bytes_read)


def _opened(file: BinaryIO, reading: Reading, opened: ExitStack) -> ImportRows:
    head = file.read(_HEAD_BYTES)
    size = file.seek(0, 2)
    file.seek(0)
    for start, reason in _FOREIGN_STARTS:
        if head.startswith(start):
            raise ImportRefused(reason)
    if head.startswith(_ZIP):
        if not is_workbook(file):
            raise ImportRefused("is a document as a ZIP archive, and no workbook (XLSX): save it as XLSX or CSV first")
        tables = opened.enter_context(workbook_tables(file))
        rows = ImportRows(find_table(tables, reading).read(reading), lambda: size)
    else:
        text = as_utf8(file)
        if text.file is not file:
            opened.callback(text.file.close)
            reading.on_remark(f"is no UTF-8 text, and was read as {text.encoding}")
        rows = _text_rows(text.file, size, reading)
    if rows.products is not None and reading.options.state is not None:
        raise ImportRefused("holds products: --state is for market prices that do not say theirs")
    return rows


def _text_rows(text: BinaryIO, size: int, reading: Reading) -> ImportRows:
    start = text.tell()
    first = next((line for line in Lines(text) if not line.blank), None)
    text_size = text.seek(0, 2)
    text.seek(start)
    if first is None:
        raise ImportRefused("is empty")
    if b"\0" in first.raw:
        raise ImportRefused("is binary, and no form that is known")

    def bytes_read() -> int:
        return text.tell() * size // text_size

    begin = first.raw.lstrip()
    if begin.startswith(b"<"):
        return ImportRows(_page_rows(text, reading), lambda: size)
    if begin.startswith((b"{", b"[")):
        if reading.options.mapping is not None:
            raise ImportRefused("is JSON: a --mapping explains the columns of tables")
        return ImportRows(_json_rows(text, reading), bytes_read)
    found = find_table(delimited_tables(text), reading)
    rows = found.read(reading)
    if ends_within_csv(text, found.header.cells, found.table.delimiter):
        raise ImportRefused("ends in the middle of a row: it was cut off")
    return ImportRows(rows, bytes_read)


def _page_rows(text: BinaryIO, reading: Reading) -> FormRows:
    start = text.tell()
    head = text.read(_HEAD_BYTES)
    text.seek(start)
    if b"<modal_price>" in head.lower():
        raise ImportRefused("is an answer of the portal's API as XML: ask it for format=csv or format=json")
    if b"urn:schemas-microsoft-com:office:spreadsheet" in head:
        raise ImportRefused("is a workbook as XML (Excel 2003): save it as XLSX or CSV first")
    page = web_page(text)
    if not page.tables or (reading.options.mapping is None and not has_form(page.tables)):
        titled = f" ({page.title!r})" if page.title else ""
        reason = f"is a web page{titled} or XML, without a table of prices or products"
        raise ImportRefused(f"{reason}: was an error's page saved for the file?")
    return find_table(page.tables, reading).read(reading)


def _json_rows(text: BinaryIO, reading: Reading) -> FormRows:
    begin = beginning(text)
    if begin is not None and begin.records:
        reading.on_remark(f"read as {portal_api.API.title}")
        return portal_api.read_answers(documents(text), reading)
    if begin is not None and not begin.array and "external_id" not in begin.fields:
        reason = portal_api.refusal(begin.fields)
        if reason is not None:
            raise ImportRefused(reason)
    of_market = begin is not None and portal_api.is_record(begin.fields)
    reading.on_remark(f"read as {'market prices' if of_market else 'products'} in JSON")
    if begin is not None and begin.array:
        records = (record for _, record in documents(text))
        if of_market:
            return portal_api.read_records(records, reading)
        check_whole(text)  # products are written while the file is read
        return _wire(enumerate(records, start=1), reading)
    if ends_within_json(text):
        raise ImportRefused("ends in the middle of a line: it was cut off")
    rows = objects(Lines(text))
    return portal_api.read_numbered(_mappings(rows), reading) if of_market else _wire(rows, reading)


def _wire(rows: Iterator[tuple[int, Any]], reading: Reading) -> FormRows:
    source = reading.source or DEFAULT_SOURCE
    return FormRows(products=wire_products(rows, source, now=reading.now, on_unknown=reading.on_unknown))


def _mappings(rows: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Mapping[str, Any] | InvalidRecord]]:
    for number, row in rows:
        if isinstance(row, dict | InvalidRecord):
            yield number, row
        else:
            yield number, InvalidRecord([Fault("line", str(row)[:EXCERPT_CHARS], "must be a JSON object")])
