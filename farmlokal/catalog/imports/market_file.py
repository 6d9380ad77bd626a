"""What a file of market prices says as a whole, found before its first row becomes a product."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.dates import form_of, midnight, parse_day
from farmlokal.catalog.imports.market_cells import paise_of, plain
from farmlokal.catalog.imports.market_rows import MarketRow, NumberedRow, Spool
from farmlokal.catalog.imports.plausibility import FilePrices
from farmlokal.catalog.imports.units import Unit, unit_of
from farmlokal.catalog.wire import check_not_ahead
from farmlokal.catalog.writing.market_files import Commodity
from farmlokal.errors import ImportRefused


class MarketFile:
    """The dates of a file, what it says of each day, and its prices; a few bytes a row."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._contents: dict[str, Any] = {}
        self._prices = FilePrices()

    def __repr__(self) -> str:
        return f"<MarketFile dates={len(self._contents)} {self._prices!r}>"

    def read(self, rows: Iterable[NumberedRow], spool: Spool) -> None:
        """Note what all of `rows` say, and keep them in `spool`."""
        for number, row in rows:
            if isinstance(row, MarketRow):
                self._note(row, spool.add(number, row))
            else:
                spool.add_bad(number, row)

    def date_form(self, *, day_first: bool | None, now: datetime) -> bool:
        """Whether the file's dates write the day first. day_first: what the operator says. Raises ImportRefused."""
        if day_first is not None:
            return day_first
        form = form_of(self._contents, now=now)
        if form.day_first is None:
            raise ImportRefused(f"{form.doubt()}: say --dates day-first or --dates month-first")
        return form.day_first

    def day_digests(self, *, day_first: bool, now: datetime) -> dict[date, str]:
        """What the file says of each day that has come, as 32 hexadecimal digits: the same where a file says the same.

        now: aware; a day may lie ahead of it by one.
        """
        by_day: dict[date, list[bytes]] = {}
        for text, content in self._contents.items():
            try:
                day = parse_day(text, day_first=day_first)
                check_not_ahead(midnight(day), now)
            except ValueError:
                continue
            by_day.setdefault(day, []).append(content.digest())
        return {day: blake2b(b"".join(sorted(parts)), digest_size=16).hexdigest() for day, parts in by_day.items()}

    def medians(self) -> Mapping[Commodity, int]:
        """The median price of each commodity that the file has often enough, in paise."""
        return self._prices.medians()

    def _note(self, row: MarketRow, said: bytes) -> None:
        """said: its cells as JSON."""
        text = plain(row.arrival_date)
        content = self._contents.get(text)
        if content is None:
            if not _may_be_a_day(text):
                return
            content = self._contents[text] = blake2b(digest_size=16)
        content.update(said)
        try:
            commodity, unit = _priced(self._aliases, row.commodity, row.unit)
            paise = paise_of(row.modal_price, unit)
        except ValueError:
            return
        if paise:
            self._prices.add(commodity, paise)


@lru_cache(maxsize=8192)  # a file has some hundred commodities
def _priced(aliases: Aliases, commodity: str, said_unit: str) -> tuple[Commodity, Unit]:
    """What the price of a row is of, and what it is for. Raises ValueError."""
    unit = unit_of(commodity, said_unit)
    return (aliases.commodity(commodity), unit.name), unit


def _may_be_a_day(text: str) -> bool:
    for day_first in (True, False):
        try:
            parse_day(text, day_first=day_first)
        except ValueError:
            continue
        return True
    return False
