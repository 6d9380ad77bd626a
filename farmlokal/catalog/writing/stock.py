"""Changing the stock of one product, inside a transaction of the caller's."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from farmlokal.catalog.records import STOCK_MAX
from farmlokal.catalog.tags import touched
from farmlokal.catalog.wire import wire_time
from farmlokal.database.interface import Database, Session

_NO_TAGS: frozenset[str] = frozenset()
# The stock moves on without a new version: the version is the source's, and counts what the source has said.
_CHANGE = (
    f"UPDATE products SET stock = stock + %s, updated_at = %s WHERE id = %s AND stock + %s BETWEEN 0 AND {STOCK_MAX}"
)

_FIND = "SELECT id, category, live, stock FROM products WHERE source = %s AND external_id = %s"
_FIND_MOVED = "SELECT product_id FROM product_identities WHERE source = %s AND external_id = %s"
_FIND_BY_ID = "SELECT id, category, live, stock FROM products WHERE id = %s"


class StockWriter:
    """Raises and lowers the stock of products. Raises nothing but what the database raises."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """now: the wall clock, injected by tests."""
        self._dialect = database.dialect
        self._now = now

    async def change_in(
        self, session: Session, source: str, external_id: str, by: int
    ) -> tuple[frozenset[str], str | None]:
        """Raise the stock of a product by `by`, or lower it where that is negative.

        Returns the cache tags to invalidate once the caller has committed, and why nothing was changed where nothing
        was. The product must be on offer for its stock to fall; what was taken can be given back to one that is gone,
        which touches no tag, because no answer shows it.
        """
        product = await self._lock(session, source, external_id)
        if product is None or (by < 0 and not product.live):
            return _NO_TAGS, f"{source} has no product {external_id}"
        updated_at = self._dialect.time_in(wire_time(self._now()))
        if not await session.execute(_CHANGE, (by, updated_at, product.id, by)):
            return _NO_TAGS, f"{source} has {product.stock} of product {external_id}: it cannot change by {by}"
        return frozenset(touched(product.id, [product.category])) if product.live else _NO_TAGS, None

    async def _lock(self, session: Session, source: str, external_id: str) -> "_Product | None":
        """Read the product and lock its row, so that nobody moves it meanwhile.

        An order may name a product as it was once known: the row that has that name now is locked.
        """
        rows = await session.fetch(_FIND + self._dialect.for_update, (source, external_id))
        if not (rows and rows[0][2]):
            rows = await session.fetch(_FIND_MOVED, (source, external_id)) or rows
            if rows:
                rows = await session.fetch(_FIND_BY_ID + self._dialect.for_update, (rows[0][0],))
        return _Product(*rows[0]) if rows else None


class _Product(NamedTuple):
    """What a change of stock has to know of the row that it changes."""

    id: int
    category: str
    live: int
    stock: int
