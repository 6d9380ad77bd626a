"""Changing one product inside a transaction of the caller's, and saying which cache tags that touches."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from farmlokal.catalog.records import STOCK_MAX
from farmlokal.catalog.tags import touched
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.outcomes import Applied, Outcome
from farmlokal.catalog.writing.versions import Change
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Session

_NO_TAGS: frozenset[str] = frozenset()
_WITHOUT_EFFECT = frozenset({Outcome.UNCHANGED, Outcome.OUTDATED, Outcome.REJECTED})
# The stock moves on without a new version: the version is the source's, and counts what the source has said.
_CHANGE_STOCK = (
    "UPDATE products SET stock = stock + %s, updated_at = %s"
    f" WHERE source = %s AND external_id = %s AND stock + %s BETWEEN 0 AND {STOCK_MAX}"
)


class Effects:
    """What an event does to the catalogue. Raises nothing but what the database raises."""

    def __init__(
        self, database: Database, writer: ProductWriter, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """now: the wall clock, injected by tests."""
        self._dialect = database.dialect
        self._writer = writer
        self._now = now

    async def apply_in(self, session: Session, change: Change) -> tuple[Applied, frozenset[str]]:
        """Apply `change`; its outcome and the tags that it touches once the caller has committed."""
        before = await self._place(session, change.source, change.external_id)
        (applied,) = await self._writer.apply_in(session, [change])
        if applied.outcome in _WITHOUT_EFFECT:
            return applied, _NO_TAGS
        after = await self._place(session, change.source, change.external_id)
        places = [place for place in (before, after) if place is not None]
        return applied, frozenset(touched(places[-1].id, [place.category for place in places]))

    async def change_stock_in(
        self, session: Session, source: str, external_id: str, by: int
    ) -> tuple[frozenset[str], str | None]:
        """Raise the stock of a product by `by`, or lower it where that is negative.

        The tags that it touches, and why nothing was changed where nothing was. The product must be on offer for its
        stock to fall; what was taken can be given back to one that is gone.
        """
        place = await self._place(session, source, external_id)
        if place is None or (by < 0 and not place.live):
            return _NO_TAGS, f"{source} has no product {external_id}"
        updated_at = self._dialect.time_in(wire_time(self._now()))
        if not await session.execute(_CHANGE_STOCK, (by, updated_at, source, external_id, by)):
            return _NO_TAGS, f"{source} has {place.stock} of product {external_id}: it cannot change by {by}"
        return frozenset(touched(place.id, [place.category])), None

    async def _place(self, session: Session, source: str, external_id: str) -> "_Place | None":
        """Where the product stands; its row stays locked, so that nobody moves it meanwhile."""
        rows = await session.fetch(
            "SELECT id, category, live, stock FROM products WHERE source = %s AND external_id = %s"
            + self._dialect.for_update,
            (source, external_id),
        )
        return _Place(*rows[0]) if rows else None


class _Place(NamedTuple):
    """What a change has to know of the row that it changes."""

    id: int
    category: str
    live: int
    stock: int
