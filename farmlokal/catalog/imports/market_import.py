"""A file of market prices, read twice: for what it says as a whole, then row by row into products."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple, Protocol

from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.identity import renewed
from farmlokal.catalog.imports.lines import OnUnknown
from farmlokal.catalog.imports.market_file import MarketFile
from farmlokal.catalog.imports.market_products import MarketOptions, MarketProducts, version_of
from farmlokal.catalog.imports.market_rows import MarketRow, Spool, shown_row
from farmlokal.catalog.imports.markets import Markets
from farmlokal.catalog.imports.plausibility import Plausibility
from farmlokal.catalog.imports.reading import ImportRows
from farmlokal.catalog.records import MARKET_SOURCE, ProductRecord
from farmlokal.catalog.writing.carry_over import Renew
from farmlokal.catalog.writing.market_files import Commodity
from farmlokal.errors import InvalidRecord


class MarketMemory(Protocol):
    """What the catalogue remembers of market files."""

    async def carry_over(self, source: str, tables: str, renew: Renew) -> None:
        """Give the stored products of `source` the identities that `renew` says, unless that was done for `tables`."""
        ...

    async def has_former_identities(self, source: str) -> bool:
        """Whether any product of `source` was once known under another identity."""
        ...

    async def sequences(self, source: str, digests: Mapping[date, str]) -> dict[date, int]:
        """The number of what a file says of each day, from 1 in the order of arrival; what was seen keeps its own."""
        ...

    async def usual_prices(self, source: str) -> dict[Commodity, int]:
        """What commodities cost in the newest file that had enough prices of them, in paise."""
        ...

    async def keep_usual_prices(self, source: str, prices: Mapping[Commodity, int], day: date) -> None:
        """Remember `prices` of `day`, unless those of a later day are there."""
        ...


class MarketNotes(NamedTuple):
    """Who wants to know what is met on the way.

    on_unknown: gets each commodity whose category nobody knows. on_implausible: gets the line and the doubt about each
    price that is out of all proportion, and not refused.
    """

    on_unknown: OnUnknown
    on_implausible: Callable[[int, str], None]


class MarketImport:
    """The products of a file of market prices. bytes_read: how far reading has come, for people who watch."""

    def __init__(self, spool: Spool, file: MarketFile, products: MarketProducts, size_bytes: int) -> None:
        self._spool = iter(spool)
        self._spooled = spool.rows
        self._size_bytes = size_bytes
        self._read = 0
        self._file = file
        self.products = products

    def __repr__(self) -> str:
        return f"<MarketImport read={self._read} of={self._spooled}>"

    def __iter__(self) -> Iterator[tuple[int, ProductRecord | InvalidRecord | None]]:
        return self

    def __next__(self) -> tuple[int, ProductRecord | InvalidRecord | None]:
        number, row = next(self._spool)
        self._read += 1
        if not isinstance(row, MarketRow):
            return number, row
        try:
            return number, self.products.product(number, row)
        except InvalidRecord as fault:
            return number, InvalidRecord(fault.faults, shown_row(row))

    @property
    def bytes_read(self) -> int:
        """The part of the file's size that the rows so far are of all its rows."""
        return self._size_bytes * self._read // self._spooled

    async def keep_usual_prices(self, memory: MarketMemory) -> None:
        """Let the catalogue know what the file's commodities cost."""
        if self.products.newest_day is not None:
            await memory.keep_usual_prices(MARKET_SOURCE, self._file.medians(), self.products.newest_day)


async def prepare(
    rows: ImportRows,
    spool: Spool,
    memory: MarketMemory,
    *,
    aliases: Aliases,
    markets: Markets,
    options: MarketOptions,
    notes: MarketNotes,
    now: datetime,
) -> MarketImport:
    """Read all of `rows` into `spool`, and decide what takes the whole file.

    now: aware; no day lies more than one ahead of it. Raises ImportRefused where its dates can be read in two ways.
    """
    file = MarketFile(aliases)
    await asyncio.to_thread(lambda: file.read(rows.market_rows or (), spool))
    said = rows.day_first if options.day_first is None else options.day_first
    day_first = file.date_form(day_first=said, now=now)
    await memory.carry_over(
        MARKET_SOURCE, aliases.digest, lambda external_id, *named: renewed(aliases, external_id, *named)
    )
    sequences = await memory.sequences(MARKET_SOURCE, file.day_digests(day_first=day_first, now=now))
    products = MarketProducts(
        rows.columns,
        aliases=aliases,
        markets=markets,
        plausibility=Plausibility(aliases, of_file=file.medians(), known=await memory.usual_prices(MARKET_SOURCE)),
        versions={day: version_of(day, sequence) for day, sequence in sequences.items()},
        reject_implausible=options.reject_implausible,
        day_first=day_first,
        now=now,
        on_unknown=notes.on_unknown,
        on_implausible=notes.on_implausible,
    )
    return MarketImport(spool, file, products, rows.bytes_read)
