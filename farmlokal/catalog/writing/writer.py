"""Writing to the catalogue: `versions.decide` decides; as few statements as a batch needs carry the decision out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from farmlokal.catalog.changes.outbox import defer_noting
from farmlokal.catalog.records import MARKET_SOURCE, ProductRecord
from farmlokal.catalog.tags import NAMES
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.ahead import Decided, NotKnown, Ready, no_session
from farmlokal.catalog.writing.derived import Deriving, derived_values, made_from, place_columns
from farmlokal.catalog.writing.farms import farm_ids
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.known_names import KnownNames
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.catalog.writing.price_days import days_told, keep_days
from farmlokal.catalog.writing.product_rows import BURY, CONFIRM, INSERT, PLACE, REPLACE, product_row
from farmlokal.catalog.writing.sightings import Sightings
from farmlokal.catalog.writing.stored_rows import any_moved, lock_moved, lock_rows
from farmlokal.catalog.writing.unchanged import find_unchanged
from farmlokal.catalog.writing.versions import Change, Identity, Stored, applied, decide
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Database, Params, ReadyRow, Session

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
        ready = Ready(changes)

        async def work(session: Session) -> list[Applied]:
            return await self.apply_ready(session, ready, sighting=sighting)

        await self._learn(changes)
        return await self._database.in_transaction(work)

    async def prepare(self, changes: Sequence[Change]) -> Ready:
        """Find out what can be known of `changes` without a lock, while the batch before them may be under way.

        Farms and names are looked up or added; where all products of the batch before were new, it is worked out what
        to write if these are new, too. Raises Unavailable.
        """
        await self._learn(changes)
        return Ready(changes, await self._decided_if_new(changes) if self._expects_new else None)

    async def _learn(self, changes: Sequence[Change]) -> None:
        """Look up or add the farms and names of `changes` ahead, where many batches are loaded."""
        if self._farms is not None and self._names is not None and not self._expects_unchanged:
            await self._farms.learn(changes)
            await self._names.learn(changes)

    async def _decided_if_new(self, changes: Sequence[Change]) -> Decided | None:
        """What becomes of `changes` if none of their products is stored; None where that takes a look at the store."""
        # Such products may be stored under other names: whether any is, is looked at in the transaction.
        if any(change.source == MARKET_SOURCE for change in changes):
            return None
        try:
            decided = await self._decided(no_session(), {}, changes)
        except NotKnown:
            return None
        ready = self._database.ready_rows(INSERT, list(decided.rows.values()))
        decided.rows = dict(zip(decided.rows, ready, strict=True))
        return decided

    async def apply_in(
        self, session: Session, changes: Sequence[Change], *, sighting: str | None = None
    ) -> list[Applied]:
        """Apply `changes` in a transaction of the caller's, which invalidates their tags once it has committed."""
        return await self.apply_ready(session, Ready(changes), sighting=sighting)

    async def apply_ready(self, session: Session, ready: Ready, *, sighting: str | None = None) -> list[Applied]:
        """Do what `apply_in` does, with what `prepare` gave."""
        changes = ready.changes
        unchanged = await find_unchanged(session, changes) if self._expects_unchanged else {}
        met = set(unchanged.values())
        if len(unchanged) == len(changes):  # no product comes twice then
            results = [_UNCHANGED] * len(changes)
        elif unchanged:
            others = [change for change in changes if (change.source, change.external_id) not in unchanged]
            part = Ready(others, names_born=ready.names_born)
            decided = iter(await self._apply(session, part, met))
            ready.names_born = part.names_born
            results = [
                _UNCHANGED if (change.source, change.external_id) in unchanged else next(decided) for change in changes
            ]
        else:
            results = await self._apply(session, ready, met)
        if sighting is not None:
            self.sightings.add(session, sighting, met)
        same = sum([one.outcome is WriteOutcome.UNCHANGED for one in results])
        self._expects_unchanged = self._farms is not None and same > _UNCHANGED_SHARE * len(results)
        return results

    async def _apply(self, session: Session, ready: Ready, met: set[int]) -> list[Applied]:
        """Apply changes in their order, of products that are locked for it. met: gets these products' ids, too."""
        changes = ready.changes
        if not changes:
            return []
        # Tried once: where the transaction is run again, the store is looked at.
        decided, ready.if_new = ready.if_new if self._expects_new else None, None
        known: set[int | None] = set()
        if decided is None:
            stored = await self._lock(session, sorted({(change.source, change.external_id) for change in changes}))
            known = {row.id for row in stored.values()}
            decided = await self._decided(session, stored, changes)
        try:
            await self._write(session, decided, ready)
        except BaseException:
            self._may_guess = self._expects_new = False
            raise
        stored, decisions = decided.stored, decided.decisions
        days = days_told(stored, changes, decisions)
        repriced = await keep_days(session, days, known=known) if days else set()
        self._expects_new = self._may_guess and not (known or met)
        met |= {row.id for row in stored.values() if row.id is not None}
        return [
            applied(decision, stored[change.source, change.external_id].id, decided.tags, repriced)
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

    async def _decided(self, session: Session, stored: dict[Identity, Stored], changes: Sequence[Change]) -> Decided:
        """Decide on `changes`, given what is `stored`, and work out what to write."""
        now = wire_time(self._now())
        decisions = [decide(stored, change, now) for change in changes]
        # A row that was named by two of its identities is written once. A deletion of what never came leaves a
        # tombstone with nothing but its version.
        records = {
            identity: row.content or ProductRecord(*identity, row.version, "", "other", 0, "")
            for identity, row in _once(stored)
            if row.changed and (row.content is not None or row.id is None)
        }
        farms = await farm_ids(session, self._dialect, records.values(), self._farms.ids if self._farms else {})
        known = (self._names.ids, self._names.units) if self._names else ()
        deriving = Deriving(session, self._dialect, set(), *known)
        derived = await derived_values(deriving, list(map(made_from, records.values())))
        written_at = self._time_in(now)
        rows: dict[Identity, ReadyRow] = {
            identity: product_row(self._dialect, stored[identity], record, farms, written_at, made)
            for (identity, record), made in zip(records.items(), derived, strict=True)
        }
        return Decided(stored, decisions, rows, deriving.tags, written_at)

    async def _write(self, session: Session, decided: Decided, ready: Ready) -> None:
        """Carry out what was decided; `decided.tags` gets NAMES where `ready` is to tell of names."""
        stored, rows = _once(decided.stored), decided.rows
        new = [(identity, row) for identity, row in stored if row.id is None]
        known = [(identity, row) for identity, row in stored if row.id is not None]
        # The ids are for the new products' own tags: the answer that there is no such product may be cached already, or
        # be on its way into the cache. They come with the INSERT's answer, see Session.insert_many.
        ids = await session.insert_many(INSERT, [rows[identity] for identity, _ in new])
        for (_, row), row_id in zip(new, ids, strict=True):
            row.id = row_id
        if known:
            await self._change(session, known, rows, decided.written_at)
        shown = [row for _, row in stored if row.changed or row.placed or row.confirmed]
        defer_noting(session, self._dialect, [row.id for row in shown])
        if self._names is not None and self._names.born and any(row.changed for row in shown):
            self._names.born, ready.names_born = False, True
        if ready.names_born:
            decided.tags.add(NAMES)

    async def _change(
        self,
        session: Session,
        known: Sequence[tuple[Identity, Stored]],
        rows: Mapping[Identity, ReadyRow],
        written_at: str,
    ) -> None:
        """Change the rows of products that were there before."""
        replacements: list[Params] = []
        burials: list[Params] = []
        for identity, row in known:
            if row.changed and row.content is not None:
                replacements.append([*rows[identity][2:], row.id])
            elif row.changed:
                # Stock and creation too: a record before the deletion may have set them, and they outlive it.
                created_at = self._time_in(row.created_at)
                burials.append([row.version, row.digest, row.stock, created_at, written_at, row.id])
        unchanged = [row for _, row in known if not row.changed]
        placements: list[Params] = [
            [row.lat, row.lon, *place_columns(row.lat, row.lon), written_at, row.id] for row in unchanged if row.placed
        ]
        confirmations: list[Params] = [[row.version, row.version, row.id] for row in unchanged if row.confirmed]
        remade = {name: self._dialect.remade.format(name) for name in ("in_stock", "rating_key")}
        for statement, changed in (
            (REPLACE.format(**remade), replacements),
            (BURY.format(**remade), burials),
            (PLACE, placements),
            (CONFIRM, confirmations),
        ):
            if changed:
                await session.execute_many(statement, changed)

    @property
    def _dialect(self) -> Dialect:
        return self._database.dialect

    def _time_in(self, wire: str) -> str:
        return self._dialect.time_in(wire)


def _once(stored: dict[Identity, Stored]) -> list[tuple[Identity, Stored]]:
    return list({id(row): (identity, row) for identity, row in stored.items()}.values())
