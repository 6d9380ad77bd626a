"""Our own wire format in files: NDJSON, and CSV with the fields as columns."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson

from farmlokal.catalog.imports.csv_rows import csv_line, csv_rows
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, Line, Lines, OnUnknown
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.wire import WireProduct, parse_product, unknown_category
from farmlokal.errors import Fault, InvalidRecord
from farmlokal.formats.text import surrogate_refusal

FIELDS = tuple(WireProduct.model_fields)
# `source` is required by the model, but a file need not repeat it on each row: the importer has a default.
REQUIRED_FIELDS = tuple(
    name for name, field in WireProduct.model_fields.items() if field.is_required() and name != "source"
)

_BOOLEANS = {"true": True, "false": False}


def ndjson_rows(
    first: Line, lines: Lines, source: str, *, now: datetime, on_unknown: OnUnknown
) -> Iterator[tuple[int, ProductRecord | InvalidRecord]]:
    """Each line's number and record, or what is wrong with it. Blank lines are skipped.

    `source` stands in where a line names none. `now`, aware: no product was created later. `on_unknown` gets each
    category that is not in the list.
    """
    lines.put_back([first])
    for line in lines:
        if line.blank:
            continue
        try:
            yield line.number, _product(_decoded(line), source, now, on_unknown)
        except InvalidRecord as fault:
            yield line.number, InvalidRecord(fault.faults, line.shown())


def wire_csv_rows(
    lines: Lines, columns: Sequence[str], source: str, *, now: datetime, on_unknown: OnUnknown
) -> Iterator[tuple[int, ProductRecord | InvalidRecord]]:
    """Each row's line number and record, or what is wrong with it; an empty cell counts as absent.

    `columns` are fields of the wire format in any order; the others are as for `ndjson_rows`.
    """
    for number, row in csv_rows(lines, columns):
        if isinstance(row, InvalidRecord):
            yield number, row
            continue
        try:
            yield number, _product(_typed(row), source, now, on_unknown)
        except InvalidRecord as fault:
            yield number, InvalidRecord(fault.faults, csv_line(list(row.values())))


def _product(data: object, source: str, now: datetime, on_unknown: OnUnknown) -> ProductRecord:
    try:
        record = parse_product(data, source=source, now=now)
    except ArithmeticError as error:  # a price of 1E+1000, a date in the year 0: numbers that arithmetic refuses
        raise InvalidRecord(
            [Fault("record", str(data)[:EXCERPT_CHARS], "must hold no absurd number or date")]
        ) from error
    if (label := unknown_category(data)) is not None:
        on_unknown(label)
    return record


def _decoded(line: Line) -> object:
    text = line.text()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        detail = surrogate_refusal(text) or f"must be a JSON object ({error.msg})"
        raise InvalidRecord([Fault("line", text[:EXCERPT_CHARS], detail)]) from error


def _typed(row: dict[str, str]) -> dict[str, str | bool]:
    given: dict[str, str | bool] = {column: value for column, cell in row.items() if (value := cell.strip(" "))}
    if "organic" in given:
        said = str(given["organic"])
        if said not in _BOOLEANS:
            raise InvalidRecord([Fault("organic", said[:EXCERPT_CHARS], "must be true or false")])
        given["organic"] = _BOOLEANS[said]
    return given
