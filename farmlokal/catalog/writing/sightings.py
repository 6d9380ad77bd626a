"""Which products a run has met, kept in the database: what of its source it did not meet is gone."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from farmlokal.catalog.changes.outbox import note_changed
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.stored_rows import by_source
from farmlokal.catalog.writing.versions import Identity
from farmlokal.database.interface import Database, Params, Session

_MET = "INTO sightings (run, product_id)"
_UNTOUCHED = "live = 1 AND updated_at < %s"
_UNSEEN = (
    f"SELECT id FROM products WHERE source = %s AND id > %s AND {_UNTOUCHED}"
    " AND NOT EXISTS (SELECT 1 FROM sightings WHERE run = %s AND product_id = products.id)"
    " ORDER BY id LIMIT 1000"
)


class Sightings:
    """The products that runs have met, each run by its name."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """now: the wall clock, injected by tests."""
        self._database = database
        self._dialect = database.dialect
        self._now = now

    def __repr__(self) -> str:
        return f"<Sightings {self._database!r}>"

    def add(self, session: Session, run: str, product_ids: Collection[int]) -> None:
        """Record that `run` met the products with these ids, later, see Session.defer; again does no harm."""
        rows = [(run, product_id) for product_id in sorted(product_ids)]
        session.defer(f"{self._dialect.insert_ignore} {_MET} VALUES (%s, %s)", rows)

    async def add_stored(self, session: Session, run: str, identities: Sequence[Identity]) -> None:
        """Record that `run` met the products `identities`, so far as they are stored; again does no harm."""
        for source, names in by_source(identities):
            marks = ", ".join(["%s"] * len(names))
            await session.execute(
                f"{self._dialect.insert_ignore} {_MET} SELECT %s, id FROM products"
                f" WHERE source = %s AND external_id IN ({marks})",
                [run, source, *names],
            )

    async def bury_unseen(self, source: str, run: str, *, before: datetime) -> int:
        """Make tombstones of the live rows of `source` that `run` did not meet. Returns how many.

        Rows written since `before`, when the run began, came from elsewhere meanwhile and stay. The version and the
        digest stay as they are: the source said nothing, so the same version may bring the row back.
        """
        began = self._dialect.time_in(wire_time(before))
        buried = 0
        after = 0
        while True:
            ids = await self._database.fetch_unlimited(_UNSEEN, (source, after, began, run))
            if not ids:
                return buried
            after = ids[-1][0]
            marks = ", ".join(["%s"] * len(ids))
            # Looked at again, because a row may have been written between our look and this.
            statement = f"UPDATE products SET live = 0, updated_at = %s WHERE id IN ({marks}) AND {_UNTOUCHED}"
            chunk = [row[0] for row in ids]
            params = [self._dialect.time_in(wire_time(self._now())), *chunk, began]

            async def work(
                session: Session, statement: str = statement, params: Params = params, chunk: list[int] = chunk
            ) -> int:
                await note_changed(session, self._dialect, chunk)
                return await session.execute(statement, params)

            buried += await self._database.in_transaction(work)

    async def forget(self, run: str) -> None:
        """Drop what `run` remembered."""

        async def work(session: Session) -> int:
            return await session.execute("DELETE FROM sightings WHERE run = %s", (run,))

        await self._database.in_transaction(work)
