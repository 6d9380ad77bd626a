"""What an import would do to the catalogue, which it leaves as it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from typing_extensions import override

from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.carry_over import Renew
from farmlokal.catalog.writing.market_files import Commodity, MarketFiles
from farmlokal.catalog.writing.outcomes import Applied
from farmlokal.catalog.writing.sightings import Sightings
from farmlokal.catalog.writing.stored_rows import lock_moved, lock_rows
from farmlokal.catalog.writing.versions import Change, decide
from farmlokal.database.interface import Database, Session


class DryRunWriter:
    """Decides as a ProductWriter does, and writes no product.

    A product that comes twice is created twice in its eyes, unless both are in one batch. Sightings are written, for
    the time of the run: they say what a replacing import would delete.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.sightings = Sightings(database)

    def __repr__(self) -> str:
        return f"<DryRunWriter {self._database!r}>"

    async def apply(self, changes: Sequence[Change], *, sighting: str | None = None) -> list[Applied]:
        """Returns what would become of `changes`. sighting: the run in which they are met."""
        now = wire_time(datetime.now(UTC))
        identities = sorted({(change.source, change.external_id) for change in changes})

        async def work(session: Session) -> list[Applied]:
            stored = await lock_rows(session, self._database.dialect, identities)
            moved = await lock_moved(session, self._database.dialect, stored, identities)
            if sighting is not None:
                await self.sightings.add_stored(
                    session, sighting, sorted({moved.get(name, name) for name in identities})
                )
            decisions = [decide(stored, change, now) for change in changes]
            return [Applied(decision.outcome, decision.reason) for decision in decisions]

        return await self._database.in_transaction(work)


class UnchangedMarketFiles(MarketFiles):
    """Knows what the catalogue remembers of market files, and adds nothing.

    renames: whether products would first get other identities, so that some that count as created would not be.
    """

    renames = False

    @override
    async def carry_over(self, source: str, tables: str, renew: Renew) -> None:
        rows = await self._database.fetch("SELECT digest FROM identity_tables WHERE source = %s", (source,))
        some = await self._database.fetch("SELECT id FROM products WHERE source = %s LIMIT 1", (source,))
        self.renames = bool(some) and rows != [(tables,)]

    @override
    async def sequences(self, source: str, digests: Mapping[date, str]) -> dict[date, int]:
        found = {}
        for day, digest in digests.items():
            known = await self._known(self._database, source, day)
            found[day] = known.get(digest) or self._next(known)
        return found

    @override
    async def keep_usual_prices(self, source: str, prices: Mapping[Commodity, int], day: date) -> None:
        pass
