"""Giving stored products the identities that they have now, after an upgrade or with other alias tables.

Products whose new identities meet are merged: the one on offer stays, of two that of the newer version, and the other
becomes a tombstone that leads to it (`product_identities`). It gives its stock, the prices of its days, and its place
where the one that stays has none.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from farmlokal.catalog.changes.outbox import note_changed
from farmlokal.catalog.records import STOCK_MAX
from farmlokal.catalog.writing.derived import OF_PLACES
from farmlokal.catalog.writing.price_days import move_days
from farmlokal.database.dialect import IN_VALUES_MAX, Dialect
from farmlokal.database.interface import Database, Session

Renew = Callable[[str, str, str, str, str], str | None]
"""External id, name, state, district and market of a stored product → its identity now; None where that is unknown."""

_BATCH_ROWS = 1000
# An identity of this release holds this; one of an earlier release holds nothing but letters, digits and hyphens.
_SEPARATOR = "|"
_OF_THIS_RELEASE = f"%{_SEPARATOR}%"
_OLD = " AND live = 1 AND external_id NOT LIKE %s"
_PLACE = (*OF_PLACES.made_from, *OF_PLACES.columns)


class _Product(NamedTuple):
    id: int
    external_id: str
    name: str
    state: str | None
    district: str | None
    market: str | None
    version: int
    live: int
    stock: int
    lat: float | None

    @property
    def weight(self) -> tuple[int, int]:
        """What decides which of two is kept."""
        return self.live, self.version


_COLUMNS = ", ".join(_Product._fields)


async def carry_over(database: Database, source: str, tables: str, renew: Renew) -> None:
    """Give the products of `source` the identities that `renew` says.

    tables: the digest of the alias tables; where they are those of the last time, only products of an earlier release
    are looked at. Runs again from the start after an interruption.
    """
    done = await database.fetch("SELECT digest FROM identity_tables WHERE source = %s", (source,))
    only_old = done == [(tables,)]
    after_id = 0
    while True:
        rows = await database.fetch_unlimited(
            f"SELECT id FROM products WHERE source = %s AND id > %s{_OLD if only_old else ''} ORDER BY id"
            f" LIMIT {_BATCH_ROWS}",
            (source, after_id, *((_OF_THIS_RELEASE,) if only_old else ())),
        )
        if not rows:
            break
        ids = [row[0] for row in rows]
        after_id = ids[-1]

        async def work(session: Session, ids: Sequence[int] = ids) -> None:
            await _Batch(session, database.dialect, source, renew).run(ids)

        await database.in_transaction(work)
    if not only_old:

        async def note(session: Session) -> None:
            await session.execute("REPLACE INTO identity_tables (source, digest) VALUES (%s, %s)", (source, tables))

        await database.in_transaction(note)


class _Batch:
    """The products of one transaction."""

    def __init__(self, session: Session, dialect: Dialect, source: str, renew: Renew) -> None:
        self._session = session
        self._dialect = dialect
        self._source = source
        self._renew = renew
        self._merged: set[int] = set()

    async def run(self, ids: Sequence[int]) -> None:
        products = await self._products("id", ids)
        moving = [(product, new) for product in products if (new := self._renewed(product)) != product.external_id]
        if not moving:
            return
        there = await self._products("external_id", sorted({new for _, new in moving}))
        holders = {product.external_id: product for product in there}
        leads: dict[str, int] = {}
        renames: list[tuple[Any, ...]] = []
        for product, new in moving:
            kept = product
            if (holder := holders.get(new)) is not None:
                kept, gone = (product, holder) if product.weight > holder.weight else (holder, product)
                kept = await self._merge(kept, gone)
                leads |= {external_id: kept.id for external_id, leads_to in leads.items() if leads_to == gone.id}
                if gone is holder:  # it gives the identity up
                    renames.append((f"merged{_SEPARATOR}{holder.id}", holder.id))
            if kept.id == product.id:
                renames.append((new, product.id))
            holders[new] = kept
            leads[product.external_id] = kept.id
        await self._session.execute_many("UPDATE products SET external_id = %s WHERE id = %s", renames)
        await self._session.execute_many(
            "REPLACE INTO product_identities (source, external_id, product_id) VALUES (%s, %s, %s)",
            [(self._source, external_id, product_id) for external_id, product_id in leads.items()],
        )
        renamed = {product_id for _, product_id in renames}
        await note_changed(self._session, self._dialect, renamed | self._merged)

    def _renewed(self, product: _Product) -> str:
        if not (product.state and product.district and product.market):
            return product.external_id
        new = self._renew(product.external_id, product.name, product.state, product.district, product.market)
        return product.external_id if new is None else new

    async def _merge(self, kept: _Product, gone: _Product) -> _Product:
        self._merged |= {kept.id, gone.id}
        stock = min(kept.stock + gone.stock, STOCK_MAX)
        remade = self._dialect.remade.format("in_stock")
        await self._session.execute(f"UPDATE products SET stock = %s{remade} WHERE id = %s", (stock, kept.id))
        await self._session.execute(f"UPDATE products SET live = 0, stock = 0{remade} WHERE id = %s", (gone.id,))
        await self._session.execute(
            "UPDATE product_identities SET product_id = %s WHERE product_id = %s", (kept.id, gone.id)
        )
        await move_days(self._session, gone.id, kept.id)
        if kept.lat is None and gone.lat is not None:
            place = await self._session.fetch(f"SELECT {', '.join(_PLACE)} FROM products WHERE id = %s", (gone.id,))
            await self._session.execute(
                f"UPDATE products SET {' = %s, '.join(_PLACE)} = %s WHERE id = %s", (*place[0], kept.id)
            )
        return kept._replace(stock=stock, lat=gone.lat if kept.lat is None else kept.lat)

    async def _products(self, column: str, values: Sequence[Any]) -> list[_Product]:
        found: list[_Product] = []
        for start in range(0, len(values), IN_VALUES_MAX):
            chunk = values[start : start + IN_VALUES_MAX]
            rows = await self._session.fetch(
                f"SELECT {_COLUMNS} FROM products WHERE source = %s AND {column} IN ({', '.join(['%s'] * len(chunk))})"
                + self._dialect.for_update,
                (self._source, *chunk),
            )
            found += [_Product(*row) for row in rows]
        return sorted(found)
