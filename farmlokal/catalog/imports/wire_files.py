"""Our own wire format in files: NDJSON, and CSV with the fields as columns."""

from collections.abc import Iterator, Sequence

import orjson

from farmlokal.catalog.imports.csv_rows import csv_rows
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, Line, Lines
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.wire import WireProduct, parse_product
from farmlokal.errors import Fault, InvalidRecord

FIELDS = tuple(WireProduct.model_fields)
# `source` is required by the model, but a file need not repeat it on each row: the importer has a default.
REQUIRED_FIELDS = tuple(
    name for name, field in WireProduct.model_fields.items() if field.is_required() and name != "source"
)

_BOOLEANS = {"true": True, "false": False}


def ndjson_rows(first: Line, lines: Lines, source: str) -> Iterator[tuple[int, ProductRecord | InvalidRecord]]:
    """Each line's number and record, or what is wrong with it. Blank lines are skipped.

    `source` stands in where a line names none.
    """
    lines.put_back([first])
    for line in lines:
        if line.blank:
            continue
        try:
            yield line.number, _product(_decoded(line), source)
        except InvalidRecord as fault:
            yield line.number, fault


def wire_csv_rows(
    lines: Lines, columns: Sequence[str], source: str
) -> Iterator[tuple[int, ProductRecord | InvalidRecord]]:
    """Each row's line number and record, or what is wrong with it; an empty cell counts as absent.

    `columns` are fields of the wire format in any order; `source` stands in where a row names none.
    """
    for number, row in csv_rows(lines, columns):
        if isinstance(row, InvalidRecord):
            yield number, row
            continue
        try:
            yield number, _product(_typed(row), source)
        except InvalidRecord as fault:
            yield number, fault


def _product(data: object, source: str) -> ProductRecord:
    try:
        return parse_product(data, source=source)
    except ArithmeticError as error:  # a price of 1E+1000, a date in the year 0: numbers that arithmetic refuses
        raise InvalidRecord(
            [Fault("record", str(data)[:EXCERPT_CHARS], "must hold no absurd number or date")]
        ) from error


def _decoded(line: Line) -> object:
    text = line.text()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRecord([Fault("line", text[:EXCERPT_CHARS], f"must be a JSON object ({error.msg})")]) from error


def _typed(row: dict[str, str]) -> dict[str, str | bool]:
    given: dict[str, str | bool] = {column: value for column, cell in row.items() if (value := cell.strip())}
    if "organic" in given:
        said = str(given["organic"])
        if said not in _BOOLEANS:
            raise InvalidRecord([Fault("organic", said[:EXCERPT_CHARS], "must be true or false")])
        given["organic"] = _BOOLEANS[said]
    return given
