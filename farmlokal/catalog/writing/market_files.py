"""What the catalogue remembers of market files: what they said of each day, and what commodities usually cost.

What a file says of a day has a *sequence*, from 1 in the order in which it first arrived. A product's version is its
day in epoch seconds plus that sequence, so that a later file of the day replaces what an earlier one said. Whatever
says the same keeps its sequence: the noon's file, the evening's, and the noon's again end with the evening's.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from farmlokal.catalog.writing.carry_over import Renew, carry_over
from farmlokal.catalog.writing.stored_rows import any_former
from farmlokal.database.interface import Database, Session

_EPOCH = date(1970, 1, 1)
# A day has as many seconds: the next day's versions begin there.
_SEQUENCE_MAX = 24 * 3600 - 1

Commodity = tuple[str, str]
"""A commodity's key and the unit that its price is for."""


class MarketFiles:
    """Remembers market files in the database. Raises nothing but what the database raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"<MarketFiles {self._database!r}>"

    async def carry_over(self, source: str, tables: str, renew: Renew) -> None:
        """Give the stored products of `source` the identities that `renew` says, unless that was done for `tables`.

        Those of an earlier release are looked for in any case: it may still be at work.
        """
        await carry_over(self._database, source, tables, renew)

    async def has_former_identities(self, source: str) -> bool:
        """Whether any product of `source` was once known under another identity."""
        return await any_former(self._database, source)

    async def sequences(self, source: str, digests: Mapping[date, str]) -> dict[date, int]:
        """The sequence of what a file says of each day: its own where it was seen before, else the next one."""

        async def work(session: Session) -> dict[date, int]:
            return {day: await self._sequence(session, source, day, digests[day]) for day in sorted(digests)}

        return await self._database.in_transaction(work)

    async def newest_day(self, source: str) -> date | None:
        """The latest day that a file told of; None before the first."""
        rows = await self._database.fetch("SELECT MAX(day) FROM market_files WHERE source = %s", (source,))
        return None if rows[0][0] is None else _EPOCH + timedelta(days=rows[0][0])

    async def usual_prices(self, source: str) -> dict[Commodity, int]:
        """What commodities cost in the newest file that had enough prices of them, in paise."""
        rows = await self._database.fetch(
            "SELECT commodity, unit, paise FROM usual_prices WHERE source = %s", (source,)
        )
        return {(commodity, unit): paise for commodity, unit, paise in rows}

    async def keep_usual_prices(self, source: str, prices: Mapping[Commodity, int], day: date) -> None:
        """Remember `prices` of `day`, unless those of a later day are there."""
        known = await self._database.fetch(
            "SELECT commodity, unit FROM usual_prices WHERE source = %s AND day > %s", (source, _number(day))
        )
        later = set(known)
        rows = [
            (source, *commodity, paise, _number(day))
            for commodity, paise in sorted(prices.items())
            if commodity not in later
        ]

        async def work(session: Session) -> None:
            await session.execute_many(
                "REPLACE INTO usual_prices (source, commodity, unit, paise, day) VALUES (%s, %s, %s, %s, %s)", rows
            )

        if rows:
            await self._database.in_transaction(work)

    async def _sequence(self, session: Session, source: str, day: date, digest: str) -> int:
        while True:
            known = await self._known(session, source, day, self._for_update)
            if digest in known:
                return known[digest]
            sequence = self._next(known)
            # Another file of the day may take the number at the same moment: then look again.
            await session.execute(
                f"{self._database.dialect.insert_ignore} INTO market_files (source, day, digest, sequence)"
                " VALUES (%s, %s, %s, %s)",
                (source, _number(day), digest, sequence),
            )

    async def _known(self, reading: Database | Session, source: str, day: date, for_update: str = "") -> dict[str, int]:
        rows = await reading.fetch(
            f"SELECT digest, sequence FROM market_files WHERE source = %s AND day = %s{for_update}",
            (source, _number(day)),
        )
        return dict(rows)

    @staticmethod
    def _next(known: Mapping[str, int]) -> int:
        return min(max(known.values(), default=0) + 1, _SEQUENCE_MAX)

    @property
    def _for_update(self) -> str:
        return self._database.dialect.for_update


def _number(day: date) -> int:
    return (day - _EPOCH).days
