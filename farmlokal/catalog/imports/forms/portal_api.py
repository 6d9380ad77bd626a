"""The answers of the portal's API as JSON, one or many in a file: each a page of records, or what is wrong.

Names of fields are those of the CSV (`Modal_Price`, with `_x0020_` or without) or the same in small letters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from farmlokal.catalog.imports.csv_rows import csv_line
from farmlokal.catalog.imports.forms.headers import Header
from farmlokal.catalog.imports.forms.market_form import COLUMN_KEYS, MarketForm, place_of, with_plain_prices
from farmlokal.catalog.imports.forms.numbers import DecimalMark
from farmlokal.catalog.imports.forms.portal import PORTAL
from farmlokal.catalog.imports.forms.reading_options import FormRows, Reading
from farmlokal.catalog.imports.lines import EXCERPT_CHARS
from farmlokal.catalog.imports.market_rows import MarketRow, NumberedRow
from farmlokal.errors import Fault, ImportRefused, InvalidRecord
from farmlokal.formats.text import plain_cell

API = MarketForm("an answer of the portal's API", PORTAL.labels)
_RECORD_KEYS = frozenset({"commodity", "arrival-date", "modal-price"})


def is_record(fields: Iterable[str]) -> bool:
    """Whether an object with `fields` is a row of market prices."""
    return _RECORD_KEYS.issubset(Header.of(list(fields)).keys)


def refusal(answer: Mapping[str, Any]) -> str | None:
    """What the API says is wrong; None where it answers with records. answer: the names and plain values of one."""
    if "error" in answer:
        return f"is an error of the portal's API: {_said(answer['error'])}"
    if str(answer.get("status", "ok")).lower() not in ("ok", "success", "200"):
        return f"is an error of the portal's API: {_said(answer.get('message') or answer['status'])}"
    if "message" in answer and "records" not in answer and "total" not in answer:
        return f"is an error of the portal's API: {_said(answer['message'])}"
    return None


def read_records(rows: Iterable[Mapping[str, Any]], reading: Reading) -> FormRows:
    """Market prices of decoded objects, numbered from 1. Raises ImportRefused where the first lacks a field."""
    records = enumerate(rows, start=1)
    return _read(((number, row) for number, row in records), reading)


def read_numbered(rows: Iterable[tuple[int, Mapping[str, Any] | InvalidRecord]], reading: Reading) -> FormRows:
    """Market prices of decoded objects with their numbers, or what is wrong with them."""
    return _read(iter(rows), reading)


def read_answers(items: Iterable[tuple[bool, Mapping[str, Any]]], reading: Reading) -> FormRows:
    """Market prices of the portal's answers, as `documents` gives them; says where they are not all that there are."""
    return read_records(_records(items, reading), reading)


def _records(items: Iterable[tuple[bool, Mapping[str, Any]]], reading: Reading) -> Iterator[Mapping[str, Any]]:
    count = total = 0
    for is_row, found in items:
        if is_row:
            count += 1
            yield found
        elif (reason := refusal(found)) is not None:
            raise ImportRefused(reason)
        else:
            total = max(total, _whole(found.get("total")) or 0)
    if total > count:
        reading.on_remark(f"holds {count} of the {total} records that the portal has: ask it for a higher limit")


def _read(rows: Iterator[tuple[int, Mapping[str, Any] | InvalidRecord]], reading: Reading) -> FormRows:
    first = next(rows, None)
    if first is None:
        raise ImportRefused("holds no records")
    if not isinstance(first[1], InvalidRecord):
        API.places(Header.of(list(first[1])), reading)
    published = {} if isinstance(first[1], InvalidRecord) else _columns(tuple(first[1]))
    return FormRows(market_rows=_market_rows(first, rows, reading.options.state or ""), columns=published)


def _market_rows(
    first: tuple[int, Mapping[str, Any] | InvalidRecord],
    rows: Iterator[tuple[int, Mapping[str, Any] | InvalidRecord]],
    state: str,
) -> Iterator[NumberedRow]:
    yield first[0], _market_row(first[1], state)
    for number, row in rows:
        yield number, _market_row(row, state)


def _market_row(row: Mapping[str, Any] | InvalidRecord, state: str) -> MarketRow | InvalidRecord:
    if isinstance(row, InvalidRecord):
        return row
    columns = _columns(tuple(row))
    try:
        said = [_text(columns, row, field) for field in MarketRow._fields]
        if not said[0]:
            said[0] = state
        labels = [columns.get(field, field) for field in ("min_price", "max_price", "modal_price")]
        return with_plain_prices(MarketRow._make(said), DecimalMark.POINT, labels)
    except InvalidRecord as fault:
        return InvalidRecord(fault.faults, csv_line([str(value) for value in row.values()]))


@lru_cache(maxsize=64)
def _columns(names: Sequence[str]) -> dict[str, str]:
    """What an object with `names` calls each field of a MarketRow that it has."""
    header = Header.of(names)
    places = {field: place_of(header, field) for field in COLUMN_KEYS}
    return {field: names[place] for field, place in places.items() if place is not None}


def _text(columns: Mapping[str, str], row: Mapping[str, Any], field: str) -> str:
    value = row.get(columns.get(field, ""))
    if value is None:
        return ""
    if isinstance(value, str):
        return plain_cell(value)
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    raise InvalidRecord([Fault(columns[field], str(value)[:EXCERPT_CHARS], "must be a text or a number")])


def _whole(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 16 else None


def _said(message: object) -> str:
    return " ".join(str(message).split())[:EXCERPT_CHARS]
