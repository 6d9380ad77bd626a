"""The daily price CSV of India's open data portal: one row is one market's price of one variety on one day."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TypeVar

from farmlokal.catalog import records
from farmlokal.catalog.imports.commodities import category_of_commodity, is_known
from farmlokal.catalog.imports.csv_rows import csv_rows
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, Lines, OnUnknown
from farmlokal.catalog.imports.markets import Markets
from farmlokal.catalog.normalise import slug, text_key
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.wire import check_not_ahead, wire_time
from farmlokal.errors import Fault, InvalidRecord
from farmlokal.formats.text import accepted

SOURCE = "mandi"

_IDENTITY = ("state", "district", "market", "commodity", "variety", "grade")
_PRICES = ("min-price", "max-price", "modal-price")
COLUMNS = (*_IDENTITY, "arrival-date", *_PRICES)

# Columns that no other file of ours has: a header with one of them claims to be the price CSV.
TELLING_COLUMNS = frozenset({"commodity", "arrival-date", "modal-price"})

_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,20})?", re.ASCII)

_Value = TypeVar("_Value")


def plain_column(published: str) -> str:
    """The column that a header cell means: the portal writes the blank of `Min Price` as `_x0020_`, as XML does."""
    return slug(published.replace("_x0020_", " "))


def mandi_rows(
    lines: Lines, header: Sequence[str], markets: Markets, *, now: datetime, on_unknown: OnUnknown
) -> Iterator[tuple[int, ProductRecord | InvalidRecord]]:
    """Each row's line number and record, or what is wrong with it.

    `header` is the published one, with every one of COLUMNS in it; faults name columns as it does. `now`, aware: no
    day lies further ahead than one. `on_unknown` gets each commodity whose category nobody knows.
    """
    reader = _RowReader(header, markets, now, on_unknown)
    for number, row in csv_rows(lines, header):
        if isinstance(row, InvalidRecord):
            yield number, row
            continue
        try:
            yield number, reader.record(row)
        except InvalidRecord as fault:
            yield number, fault


class _RowReader:
    """Turns the cells of a row into a record, and collects every fault on the way."""

    def __init__(self, header: Iterable[str], markets: Markets, now: datetime, on_unknown: OnUnknown) -> None:
        self._published = {plain_column(cell): cell for cell in header}
        self._markets = markets
        self._now = now
        self._on_unknown = on_unknown

    def record(self, row: dict[str, str]) -> ProductRecord:
        faults: list[Fault] = []

        def checked(column: str, check: Callable[[str], _Value], fallback: _Value) -> _Value:
            published = self._published[column]
            value = " ".join(filter(None, row[published].split(" ")))
            try:
                return check(value)
            except ValueError as error:
                faults.append(Fault(published, value[:EXCERPT_CHARS], str(error)))
                return fallback

        texts = {column: checked(column, _text, "") for column in _IDENTITY}
        day = checked("arrival-date", self._day, datetime.fromtimestamp(0, UTC))
        for column in ("min-price", "max-price"):
            checked(column, _rupees_or_nothing, None)
        # Rupees per 100 kg are paise per kg.
        price_paise = checked("modal-price", _whole_paise, 0)
        external_id = slug("-".join(texts.values()))
        name = _name(texts["commodity"], texts["variety"])
        faults += _too_long("external_id", external_id, records.EXTERNAL_ID_CHARS_MAX)
        faults += _too_long("name", name, records.NAME_CHARS_MAX)
        if faults:
            raise InvalidRecord(faults)
        lat, lon = self._markets.locate(texts["state"], texts["market"]) or (None, None)
        if not is_known(texts["commodity"]):
            self._on_unknown(texts["commodity"])
        return ProductRecord(
            source=SOURCE,
            external_id=external_id,
            version=int(day.timestamp()),
            name=name,
            category=category_of_commodity(texts["commodity"]),
            price_paise=price_paise,
            unit="kg",
            market=texts["market"],
            district=texts["district"],
            state=texts["state"],
            lat=lat,
            lon=lon,
            created_at=wire_time(day),
        )

    def _day(self, value: str) -> datetime:
        day = _day(value)
        check_not_ahead(day, self._now)
        return day


def _name(commodity: str, variety: str) -> str:
    """`Tomato (Hybrid)`; the variety is left out where it says nothing more."""
    if text_key(variety) in ("other", text_key(commodity)):
        return commodity
    return f"{commodity} ({variety})"


@lru_cache(maxsize=8192)  # some 3,000 different names make up a day's 110,000 cells
def _text(value: str) -> str:
    if not value:
        raise ValueError("must be given")
    if len(value) > records.PLACE_CHARS_MAX:
        raise ValueError(f"must have at most {records.PLACE_CHARS_MAX} characters")
    value = accepted(value)
    if not slug(value):
        # Otherwise all such names would share one identity.
        raise ValueError("must hold a Latin letter or a digit")
    return value


@lru_cache(maxsize=64)  # a file is one day's, or a few
def _day(value: str) -> datetime:
    match = _DAY_MONTH_YEAR.fullmatch(value)
    if match is None:
        raise ValueError("must be a date as day/month/year")
    day, month, year = map(int, match.groups())
    try:
        moment = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        raise ValueError("must be a day that exists, as day/month/year") from None
    if year < 1970:
        raise ValueError("must not be before 1970")  # its epoch seconds are the version, which is never negative
    return moment


def _rupees(value: str) -> Decimal:
    if not _NUMBER.fullmatch(value):
        raise ValueError("must be a plain number of rupees" if value else "must be given")
    rupees = Decimal(value)
    if rupees < 0:
        raise ValueError("must not be negative")
    return rupees


def _rupees_or_nothing(value: str) -> Decimal | None:
    """A lowest or highest price. It is not listed, so it may be absent; a wrong one says that the row is damaged."""
    return _rupees(value) if value else None


def _whole_paise(value: str) -> int:
    paise = int(_rupees(value).quantize(Decimal(1), ROUND_HALF_UP))
    if paise > records.PRICE_PAISE_MAX:
        raise ValueError(f"must be at most {records.PRICE_PAISE_MAX}")
    return paise


def _too_long(field: str, value: str, chars_max: int) -> list[Fault]:
    if len(value) <= chars_max:
        return []
    return [Fault(field, value[:EXCERPT_CHARS] + "…", f"must have at most {chars_max} characters, has {len(value)}")]
