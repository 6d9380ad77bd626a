"""Our own wire format in files: NDJSON, a JSON array, and tables with the fields as columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

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
NUMBERS = ("version", "price", "lat", "lon", "stock", "rating")

_BOOLEANS = {"true": True, "false": False}


def objects(lines: Lines) -> Iterator[tuple[int, Any]]:
    """Each line's number and what its JSON says, or what is wrong with it. Blank lines are skipped."""
    for line in lines:
        if line.blank:
            continue
        try:
            yield line.number, _decoded(line)
        except InvalidRecord as fault:
            yield line.number, InvalidRecord(fault.faults, line.shown())


def wire_products(
    rows: Iterable[tuple[int, Any]], source: str, *, now: datetime, on_unknown: OnUnknown
) -> Iterator[tuple[int, ProductRecord | InvalidRecord]]:
    """The record of each decoded object, or what is wrong with it.

    `source` stands in where an object names none. `now`, aware: no product was created later. `on_unknown` gets each
    category that is not in the list.
    """
    for number, row in rows:
        if isinstance(row, InvalidRecord):
            yield number, row
            continue
        try:
            yield number, _product(row, source, now, on_unknown)
        except InvalidRecord as fault:
            yield number, InvalidRecord(fault.faults, orjson.dumps(row, default=str).decode())


def product_of(
    cells: Mapping[str, str], labels: Mapping[str, str], *, source: str, now: datetime, on_unknown: OnUnknown
) -> ProductRecord:
    """The record of a table's row. cells: by field; an empty one counts as absent. labels: what the table calls fields.

    The others are as for `wire_products`. Raises InvalidRecord, which lists every fault by the table's own columns.
    """
    given: dict[str, str | bool] = {field: value for field, cell in cells.items() if (value := cell.strip(" "))}
    faults: Sequence[Fault] = []
    if "organic" in given:
        said = str(given["organic"])
        if (organic := _BOOLEANS.get(said.lower())) is None:
            faults = [Fault(labels.get("organic", "organic"), said[:EXCERPT_CHARS], "must be true or false")]
            del given["organic"]
        else:
            given["organic"] = organic
    try:
        record = _product(given, source, now, on_unknown)
    except InvalidRecord as invalid:
        faults = [
            *faults,
            *(fault._replace(parameter=labels.get(fault.parameter, fault.parameter)) for fault in invalid.faults),
        ]
        raise InvalidRecord(faults) from invalid
    if faults:
        raise InvalidRecord(faults)
    return record


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
