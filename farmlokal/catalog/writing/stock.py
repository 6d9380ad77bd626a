"""Changing the stock of products, inside a transaction of the caller's."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from farmlokal.catalog.changes.outbox import defer_noting
from farmlokal.catalog.records import STOCK_MAX
from farmlokal.catalog.tags import touched
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.stored_rows import by_source
from farmlokal.catalog.writing.versions import Identity
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Database, Session

_NO_TAGS: frozenset[str] = frozenset()
_READ = "external_id, id, category, live, stock"
_FIND_MOVED = "SELECT product_id FROM product_identities WHERE source = %s AND external_id = %s"


@dataclass(slots=True)
class _Product:
    """What a change of stock has to know of the row that it changes."""

    id: int
    category: str
    live: bool
    stock: int
    changed: bool = False


class LockedStocks:
    """The stock of products whose rows are locked until the transaction ends.

    It moves on without a new version: the version is the source's, and counts what the source has said.
    """

    def __init__(self, session: Session, dialect: Dialect, products: dict[Identity, _Product], updated_at: str) -> None:
        self._session = session
        self._dialect = dialect
        self._products = products
        self._updated_at = updated_at

    def __repr__(self) -> str:
        return f"<LockedStocks {self._products}>"

    def change(self, source: str, external_id: str, by: int) -> tuple[frozenset[str], str | None]:
        """Raise the stock of a product by `by`, or lower it where that is negative; `write` stores it.

        Returns the cache tags to invalidate once the caller has committed, and why nothing was changed where nothing
        was. The product must be on offer for its stock to fall; what was taken can be given back to one that is gone,
        which touches no tag, because no answer shows it.
        """
        product = self._products.get((source, external_id))
        if product is None or (by < 0 and not product.live):
            return _NO_TAGS, f"{source} has no product {external_id}"
        if not 0 <= product.stock + by <= STOCK_MAX:
            return _NO_TAGS, f"{source} has {product.stock} of product {external_id}: it cannot change by {by}"
        product.stock += by
        product.changed = True
        return frozenset(touched(product.id, [product.category])) if product.live else _NO_TAGS, None

    def write(self) -> None:
        """Store what has changed, by one statement, and note it by another: both with the rest of the transaction."""
        changed = {product.id: product for product in self._products.values() if product.changed}
        if changed:
            stocks = [value for product in changed.values() for value in (product.id, product.stock)]
            self._session.defer(
                f"UPDATE products SET updated_at = %s, stock = CASE id {'WHEN %s THEN %s ' * len(changed)}END"
                f"{self._dialect.remade.format('in_stock')} WHERE id IN ({', '.join(['%s'] * len(changed))})",
                [(self._updated_at, *stocks, *changed)],
            )
            defer_noting(self._session, self._dialect, changed)


class StockWriter:
    """Raises and lowers the stock of products. Raises nothing but what the database raises."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """now: the wall clock, injected by tests."""
        self._dialect = database.dialect
        self._now = now

    async def lock_in(self, session: Session, identities: Collection[Identity]) -> LockedStocks:
        """Read and lock the products `identities`, in one order, so that nobody moves their stock meanwhile.

        An order may name a product as it was once known: the row that has that name now is locked.
        """
        found: dict[Identity, _Product] = {}
        for source, names in by_source(sorted(identities)):
            condition = f"source = %s AND external_id IN ({', '.join(['%s'] * len(names))})"
            for external_id, product in await self._locked(session, condition, (source, *names)):
                found[source, external_id] = product
        of_id = {product.id: product for product in found.values()}
        for identity in sorted(identities):
            if (there := found.get(identity)) is not None and there.live:
                continue
            for (product_id,) in await session.fetch(_FIND_MOVED, identity):
                if product_id not in of_id:
                    ((_, of_id[product_id]),) = await self._locked(session, "id = %s", (product_id,))
                found[identity] = of_id[product_id]
        return LockedStocks(session, self._dialect, found, self._dialect.time_in(wire_time(self._now())))

    async def _locked(self, session: Session, condition: str, params: Sequence[object]) -> list[tuple[str, _Product]]:
        """The products that meet a condition, each with its external id."""
        rows = await session.fetch_texts(
            f"SELECT {_READ} FROM products WHERE {condition}{self._dialect.for_update}", params
        )
        return list(map(_read, rows))


def _read(row: Sequence[Any]) -> tuple[str, _Product]:
    external_id, product_id, category, live, stock = row
    return external_id.decode(), _Product(int(product_id), category.decode(), live == b"1", int(stock))
