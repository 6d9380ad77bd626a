"""Writing to the catalogue: `versions.decide` decides; as few statements as a batch needs carry the decision out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from farmlokal.catalog.changes.outbox import note_changed
from farmlokal.catalog.normalise import name_key, place_key
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.tags import NAMES, product_tag, touched
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.derived import (
    DERIVED_COLUMNS,
    OF_PLACES,
    Deriving,
    Values,
    derived_values,
    made_from,
    place_columns,
)
from farmlokal.catalog.writing.farms import farm_ids, farm_key
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.known_names import KnownNames
from farmlokal.catalog.writing.outcomes import Applied
from farmlokal.catalog.writing.price_days import days_told, keep_days
from farmlokal.catalog.writing.stored_rows import any_moved, by_source, lock_moved, lock_rows
from farmlokal.catalog.writing.versions import Change, Decision, Identity, Stored, decide
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Database, Params, Session

_COLUMNS = (
    *("source", "external_id", "version", "digest", "live", "name", "name_key", "category", "price", "unit", "farm_id"),
    *("farm_name", "market", "district", "district_key", "state", "state_key", "lat", "lon", "stock", "organic"),
    *("rating", "created_at", "updated_at", *DERIVED_COLUMNS, "derived_version"),
    *("image_url", "description", "brand"),
)
_INSERT = f"INSERT INTO products ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
# What follows from stock and from rating is made anew, see schema.sql.
_REPLACE = (
    f"UPDATE products SET {', '.join(f'{name} = %s' for name in _COLUMNS[2:])}{{in_stock}}{{rating_key}} WHERE id = %s"
)
_PLACED = (*OF_PLACES.made_from, *OF_PLACES.columns, "updated_at")
_PLACE = f"UPDATE products SET {', '.join(f'{name} = %s' for name in _PLACED)} WHERE id = %s"
# In this order: MySQL assigns one after the other. Columns that were not derived from the row's version still are not.
_CONFIRM = (
    "UPDATE products SET derived_version = CASE WHEN derived_version = version THEN %s ELSE derived_version END,"
    " version = %s WHERE id = %s"
)
_BURY = (
    "UPDATE products SET version = %s, digest = %s, live = 0, stock = %s, created_at = %s, updated_at = %s{in_stock}"
    " WHERE id = %s"
)

_MET = "INTO sightings (run, product_id)"
_MEETING = f"{_MET} VALUES (%s, %s)"


class ProductWriter:
    """Applies changes to the catalogue, each batch in one transaction."""

    def __init__(
        self,
        database: Database,
        *,
        farms: KnownFarms | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """farms: given to loads of many batches. now: the wall clock, injected by tests."""
        self._database = database
        self._farms = farms
        self._names = KnownNames(database) if farms is not None else None
        self._now = now
        self._expects_new = False

    async def apply(self, changes: Sequence[Change], *, sighting: str | None = None) -> list[Applied]:
        """Apply `changes` in their order, in a transaction of their own. Returns what became of each.

        sighting: a run that remembers every product it meets here, for `bury_unseen`.
        """

        async def work(session: Session) -> list[Applied]:
            return await self.apply_in(session, changes, sighting=sighting)

        await self.learn(changes)
        return await self._database.in_transaction(work)

    async def learn(self, changes: Sequence[Change]) -> None:
        """Look up or add the farms and names of `changes` ahead, where many batches are loaded."""
        if self._farms is not None and self._names is not None:
            await self._farms.learn(changes)
            await self._names.learn(changes)

    async def apply_in(
        self, session: Session, changes: Sequence[Change], *, sighting: str | None = None
    ) -> list[Applied]:
        """Apply `changes` in a transaction of the caller's, which invalidates their tags once it has committed."""
        now = wire_time(self._now())
        identities = sorted({(change.source, change.external_id) for change in changes})
        stored = await self._lock(session, identities)
        known = {row.id for row in stored.values()}
        decisions = [decide(stored, change, now) for change in changes]
        tags = await self._write(session, stored, now)
        days = days_told(stored, changes, decisions)
        repriced = await keep_days(session, days, known=known) if days else set()
        if sighting is not None:
            met = sorted({row.id for row in stored.values() if row.id is not None})
            await session.execute_many(f"{self._dialect.insert_ignore} {_MEETING}", [(sighting, one) for one in met])
        # SQLite would not run the transaction again, see _lock.
        self._expects_new = self._farms is not None and not known and self._dialect.name == "mysql"
        return [
            _applied(decision, stored[change.source, change.external_id].id, tags, repriced)
            for change, decision in zip(changes, decisions, strict=True)
        ]

    async def _lock(self, session: Session, identities: Sequence[Identity]) -> dict[Identity, Stored]:
        """What is stored of `identities`, locked, under these and under what they are called now.

        Where nothing of a load's last batch was there, nothing is looked up: if it is there nevertheless, its unique
        key is taken, and the transaction is run again, this time with a look.
        """
        if self._expects_new:
            self._expects_new = False
            if not await any_moved(session, identities):
                return {}
        stored = await lock_rows(session, self._dialect, identities)
        await lock_moved(session, self._dialect, stored, identities)
        return stored

    async def bury_unseen(self, source: str, run: str, *, before: datetime) -> int:
        """Make tombstones of the live rows of `source` that `run` did not meet. Returns how many.

        Rows written since `before`, when the run began, came from elsewhere meanwhile and stay. The version and the
        digest stay as they are: the source said nothing, so the same version may bring the row back.
        """
        began = self._time_in(wire_time(before))
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
            params = [self._time_in(wire_time(self._now())), *chunk, began]

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

    async def _write(self, session: Session, stored: dict[Identity, Stored], now: str) -> set[str]:
        """Carry out what was decided. Returns the cache tags that it touched beside those of the products."""
        written_at = self._time_in(now)
        # A row that was named by two of its identities is written once.
        changed = {identity: row for identity, row in _once(stored) if row.changed}
        # A deletion of what never came leaves a tombstone with nothing but its version.
        records = {
            identity: row.content or ProductRecord(*identity, row.version, "", "other", 0, "")
            for identity, row in changed.items()
            if row.content is not None or row.id is None
        }
        farms = await farm_ids(session, self._dialect, records.values(), self._farms.ids if self._farms else {})
        known = (self._names.ids, self._names.units) if self._names else ()
        deriving = Deriving(session, self._dialect, set(), *known)
        derived = await derived_values(deriving, list(map(made_from, records.values())))
        values = {
            identity: self._values(changed[identity], record, farms, written_at, made)
            for (identity, record), made in zip(records.items(), derived, strict=True)
        }
        new: list[Stored] = []
        inserts: list[Params] = []
        replacements: list[Params] = []
        burials: list[Params] = []
        for identity, row in changed.items():
            if row.id is None:
                new.append(row)
                inserts.append(values[identity])
            elif row.content is not None:
                replacements.append([*values[identity][2:], row.id])
            else:
                # Stock and creation too: a record before the deletion may have set them, and they outlive it.
                created_at = self._time_in(row.created_at)
                burials.append([row.version, row.digest, row.stock, created_at, written_at, row.id])
        # The ids are for the new products' own tags: the answer that there is no such product may be cached already, or
        # be on its way into the cache. They come with the INSERT's answer, see Session.insert_many.
        for row, row_id in zip(new, await session.insert_many(_INSERT, inserts), strict=True):
            row.id = row_id
        unchanged = [row for _, row in _once(stored) if not row.changed]
        placements: list[Params] = [
            [row.lat, row.lon, *place_columns(row.lat, row.lon), written_at, row.id] for row in unchanged if row.placed
        ]
        confirmations: list[Params] = [[row.version, row.version, row.id] for row in unchanged if row.confirmed]
        remade = {name: self._dialect.remade.format(name) for name in ("in_stock", "rating_key")}
        for statement, rows in (
            (_REPLACE.format(**remade), replacements),
            (_BURY.format(**remade), burials),
            (_PLACE, placements),
            (_CONFIRM, confirmations),
        ):
            if rows:
                await session.execute_many(statement, rows)
        shown = [row.id for _, row in _once(stored) if row.changed or row.placed or row.confirmed]
        await note_changed(session, self._dialect, shown)
        if self._names is not None and self._names.born and changed:
            self._names.born = False
            deriving.tags.add(NAMES)
        return deriving.tags

    def _values(
        self, row: Stored, record: ProductRecord, farms: dict[tuple[str, ...], int], written_at: str, derived: Values
    ) -> list[object]:
        return [
            record.source,
            record.external_id,
            row.version,
            row.digest,
            int(row.live),
            record.name,
            name_key(record.name),
            record.category,
            self._dialect.price_in(record.price_paise),
            record.unit,
            farms[farm_key(record)] if record.farm else None,
            record.farm,
            record.market,
            record.district,
            place_key(record.district) if record.district else None,
            record.state,
            place_key(record.state) if record.state else None,
            record.lat,
            record.lon,
            row.stock,
            int(record.organic),
            record.rating,
            self._time_in(row.created_at),
            written_at,
            *derived,
            row.version,
            record.image_url,
            record.description,
            record.brand,
        ]

    async def remember(self, session: Session, run: str, identities: Sequence[Identity]) -> None:
        """Record that `run` met the products `identities`, so far as they are stored; again does no harm."""
        for source, names in by_source(identities):
            marks = ", ".join(["%s"] * len(names))
            await session.execute(
                f"{self._dialect.insert_ignore} {_MET} SELECT %s, id FROM products"
                f" WHERE source = %s AND external_id IN ({marks})",
                [run, source, *names],
            )

    @property
    def _dialect(self) -> Dialect:
        return self._database.dialect

    def _time_in(self, wire: str) -> str:
        return self._dialect.time_in(wire)


_UNTOUCHED = "live = 1 AND updated_at < %s"
_UNSEEN = (
    f"SELECT id FROM products WHERE source = %s AND id > %s AND {_UNTOUCHED}"
    " AND NOT EXISTS (SELECT 1 FROM sightings WHERE run = %s AND product_id = products.id)"
    " ORDER BY id LIMIT 1000"
)


def _applied(decision: Decision, product_id: int | None, tags: set[str], repriced: set[int]) -> Applied:
    """What the caller of the writer gets. product_id: of the row, which exists by now wherever there is an effect.

    tags: what the batch touched beside its products. repriced: the products of which it told a day's prices.
    """
    if product_id is None or not decision.categories:
        # An older day is no new version of the product, but part of its history.
        of_history = [product_tag(product_id)] if product_id in repriced and product_id is not None else []
        return Applied(decision.outcome, decision.reason, frozenset(of_history))
    touches = touched(product_id, decision.categories)
    touches |= tags
    return Applied(decision.outcome, decision.reason, frozenset(touches))


def _once(stored: dict[Identity, Stored]) -> list[tuple[Identity, Stored]]:
    return list({id(row): (identity, row) for identity, row in stored.items()}.values())
