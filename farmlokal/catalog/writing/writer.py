"""Writing to the catalogue: `versions.decide` decides; as few statements as a batch needs carry the decision out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from farmlokal.catalog.changes.outbox import note_changed
from farmlokal.catalog.normalise import name_key, place_key
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.tags import NAMES
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
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.catalog.writing.price_days import days_told, keep_days
from farmlokal.catalog.writing.sightings import Sightings
from farmlokal.catalog.writing.stored_rows import any_moved, lock_moved, lock_rows
from farmlokal.catalog.writing.unchanged import find_unchanged
from farmlokal.catalog.writing.versions import Change, Identity, Stored, applied, decide
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

_UNCHANGED = Applied(WriteOutcome.UNCHANGED)
# Of a load's last batch, so that it is worth a look of its own which products of the next are unchanged.
_UNCHANGED_SHARE = 0.5


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
        self.sightings = Sightings(database, now)
        # What a load expects of its next batch, by the last. SQLite would not run a transaction again, see _lock.
        self._may_guess = farms is not None and database.dialect.name == "mysql"
        self._expects_new = self._expects_unchanged = False

    async def apply(self, changes: Sequence[Change], *, sighting: str | None = None) -> list[Applied]:
        """Apply `changes` in their order, in a transaction of their own. Returns what became of each.

        sighting: a run that remembers every product it meets here, for `sightings.bury_unseen`.
        """

        async def work(session: Session) -> list[Applied]:
            return await self.apply_in(session, changes, sighting=sighting)

        await self.learn(changes)
        return await self._database.in_transaction(work)

    async def learn(self, changes: Sequence[Change]) -> None:
        """Look up or add the farms and names of `changes` ahead, where many batches are loaded."""
        if self._farms is not None and self._names is not None and not self._expects_unchanged:
            await self._farms.learn(changes)
            await self._names.learn(changes)

    async def apply_in(
        self, session: Session, changes: Sequence[Change], *, sighting: str | None = None
    ) -> list[Applied]:
        """Apply `changes` in a transaction of the caller's, which invalidates their tags once it has committed."""
        unchanged = await find_unchanged(session, changes) if self._expects_unchanged else {}
        others = [change for change in changes if (change.source, change.external_id) not in unchanged]
        met = set(unchanged.values())
        decided = iter(await self._apply(session, others, met))
        if sighting is not None:
            await self.sightings.add(session, sighting, met)
        results = [
            _UNCHANGED if (change.source, change.external_id) in unchanged else next(decided) for change in changes
        ]
        same = sum(one.outcome is WriteOutcome.UNCHANGED for one in results)
        self._expects_unchanged = self._farms is not None and same > _UNCHANGED_SHARE * len(results)
        return results

    async def _apply(self, session: Session, changes: Sequence[Change], met: set[int]) -> list[Applied]:
        """Apply `changes` in their order, of products that are locked for it. met: gets these products' ids, too."""
        if not changes:
            return []
        now = wire_time(self._now())
        identities = sorted({(change.source, change.external_id) for change in changes})
        stored = await self._lock(session, identities)
        known = {row.id for row in stored.values()}
        decisions = [decide(stored, change, now) for change in changes]
        try:
            tags = await self._write(session, stored, now)
        except BaseException:
            self._may_guess = self._expects_new = False
            raise
        days = days_told(stored, changes, decisions)
        repriced = await keep_days(session, days, known=known) if days else set()
        self._expects_new = self._may_guess and not (known or met)
        met |= {row.id for row in stored.values() if row.id is not None}
        return [
            applied(decision, stored[change.source, change.external_id].id, tags, repriced)
            for change, decision in zip(changes, decisions, strict=True)
        ]

    async def _lock(self, session: Session, identities: Sequence[Identity]) -> dict[Identity, Stored]:
        """What is stored of `identities`, locked, under these and under what they are called now.

        Where nothing of a load's last batch was there, nothing is looked up: if it is there nevertheless, its unique
        key is taken, and the transaction is run again, this time with a look, as all that follow.
        """
        if self._expects_new and not await any_moved(session, identities):
            return {}
        stored = await lock_rows(session, self._dialect, identities)
        await lock_moved(session, self._dialect, stored, identities)
        return stored

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

    @property
    def _dialect(self) -> Dialect:
        return self._database.dialect

    def _time_in(self, wire: str) -> str:
        return self._dialect.time_in(wire)


def _once(stored: dict[Identity, Stored]) -> list[tuple[Identity, Stored]]:
    return list({id(row): (identity, row) for identity, row in stored.items()}.values())
