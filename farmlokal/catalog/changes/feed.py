"""Pages of the change feed: first a walk through all products by id, then the log from where it stood before the walk.

A page shows products as they are when it is read, not as a change left them. A mirror that takes the pages over in
their order ends with the catalogue all the same: a page that has a change's number was read after that change was
committed, and whatever is committed after the page was read has a number behind it. So a page whose numbers are all
given is right for as long as anybody keeps it. A page must be read where the log is at least as old as the products:
both come from the writer.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from farmlokal.caching.value import Value
from farmlokal.catalog.changes.outbox import IDS_PER_ROW, ids_in
from farmlokal.catalog.changes.position import LogPosition
from farmlokal.catalog.changes.schemas import ChangePageInfo
from farmlokal.catalog.reading.statement import product_fields
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Database
from farmlokal.database.json_sql import JsonField, JsonKind
from farmlokal.database.schema import stored_version
from farmlokal.errors import NotComplete, OriginBusy, PositionGone
from farmlokal.resilience.bulkhead import Bulkhead, BulkheadFull
from farmlokal.resilience.single_flight import SingleFlight

# A release before it writes without the log.
_SINCE_VERSION = 5
# Mirrors leave the database's connections to those who wait for a page of the listing.
_LOADS_MAX = 2
_WAIT_MAX_S = 2.0


class FeedPage(NamedTuple):
    """A finished page. lasting: whether a copy of it is as good as a new one, for as long as anybody keeps it."""

    value: Value
    lasting: bool


class _Log(NamedTuple):
    """The log as it stands. last: its newest change. forgotten: the newest that it no longer has."""

    last: int
    forgotten: int
    rows: Sequence[tuple[int, str]] = ()


class ChangeFeed:
    """Reads the change feed. Raises Unavailable when the database cannot answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._complete = False
        self._identity = ""
        self._flights: SingleFlight[FeedPage] = SingleFlight()
        self._loads = Bulkhead(_LOADS_MAX)
        shown = _item_json(database.dialect)
        self._walk_sql = f"SELECT id, live, {shown} FROM products WHERE id > %s ORDER BY id LIMIT %s"
        self._changed_sql = f"SELECT id, {shown} FROM products WHERE id IN"

    def __repr__(self) -> str:
        return f"<ChangeFeed {self._identity} complete={self._complete}>"

    def belong_to(self, identity: str) -> None:
        """Go by the log of the catalogue with this identity; said before the first page."""
        self._identity = identity

    async def page(self, after: LogPosition | None, limit: int) -> FeedPage:
        """The page behind `after`, of at most `limit` products; the first one of the walk without it.

        Mirrors that ask for the same page at once share it. Raises PositionGone where the log does not have what
        follows, NotComplete during an upgrade, and OriginBusy where too many others are read.
        """
        return (await self._flights.run(f"{after} {limit}", lambda: self._load(after, limit))).result

    async def _load(self, after: LogPosition | None, limit: int) -> FeedPage:
        try:
            async with self._loads.slot(_WAIT_MAX_S):
                return await self._read(after, limit)
        except BulkheadFull as error:
            raise OriginBusy("too many pages of changes are being read") from error

    async def _read(self, after: LogPosition | None, limit: int) -> FeedPage:
        await self._check_complete()
        if after is not None and after.log != self._identity:
            raise PositionGone("after is of another catalogue than this one: start over without it")
        if after is not None and after.walked_id is None:
            return await self._of_log(after, limit)
        log = await self._log()
        if after is not None:
            _check_within(after, log)
        begun = after or LogPosition(self._identity, log.last, 0)
        return await self._of_walk(begun, limit, lasting=after is not None)

    async def _check_complete(self) -> None:
        if self._complete:
            return
        stored = await stored_version(self._database)
        if stored is None or stored.version < _SINCE_VERSION:
            raise NotComplete("the catalogue is being upgraded: processes of the release before write without the log")
        self._complete = True

    async def _of_walk(self, after: LogPosition, limit: int, *, lasting: bool) -> FeedPage:
        # Tombstones count for the limit, so that a page reads no more rows than that; a mirror that begins needs none.
        rows = await self._database.fetch_texts(self._walk_sql, (after.walked_id, limit))
        more = len(rows) == limit
        walked_id = int(rows[-1][0] or 0) if more else None
        items = [item or b"" for _, live, item in rows if live == b"1"]
        return FeedPage(_page(items, after._replace(walked_id=walked_id), limit, more=True), lasting)

    async def _of_log(self, after: LogPosition, limit: int) -> FeedPage:
        end = after.number + limit
        log = await self._log(after.number, end)
        _check_within(after, log)
        # A product that is there twice is shown once: it has one state when it is read.
        ids = [product_id for number, product_id in _numbered(log) if after.number < number <= end]
        items = await self._items(list(dict.fromkeys(ids)))
        reached = min(end, log.last)
        page = _page(items, after._replace(number=reached), limit, more=log.last > reached)
        return FeedPage(page, lasting=reached == end)

    async def _items(self, ids: Sequence[int]) -> list[bytes]:
        if not ids:
            return []
        marks = ", ".join(["%s"] * len(ids))
        rows = await self._database.fetch_texts(f"{self._changed_sql} ({marks})", ids)
        found = {int(product_id or 0): item or b"" for product_id, item in rows}
        return [found[product_id] for product_id in ids if product_id in found]

    async def _log(self, after: int = 0, end: int = 0) -> _Log:
        """How the log stands, with the rows that have the numbers from behind `after` to `end`: of one moment."""
        rows = await self._database.fetch(
            "SELECT last, forgotten, number, product_ids FROM change_log LEFT JOIN changes"
            " ON number > %s AND number < %s WHERE id = 1 ORDER BY number",
            (after, end + IDS_PER_ROW if end else 0),
        )
        if not rows:
            return _Log(0, 0)
        last, forgotten = rows[0][:2]
        return _Log(last, forgotten, [(number, text) for _, _, number, text in rows if number is not None])


def _numbered(log: _Log) -> Iterator[tuple[int, int]]:
    """The numbers of the rows' changes, each with its product."""
    for last, text in log.rows:
        ids = ids_in(text)
        yield from enumerate(ids, start=last - len(ids) + 1)


def _check_within(after: LogPosition, log: _Log) -> None:
    if after.number < log.forgotten:
        raise PositionGone("what follows after is no longer kept: start over without after")
    if after.number > log.last:
        raise PositionGone("after lies ahead of the log, as after a restored backup: start over without it")


def _page(items: Sequence[bytes], after: LogPosition, limit: int, *, more: bool) -> Value:
    info: ChangePageInfo = {"limit": limit, "has_more": more, "next_after": str(after)}
    return Value(b'{"data":[%b],"page":%b}' % (b",".join(items), orjson.dumps(info)))


def _item_json(dialect: Dialect) -> str:
    """An expression for `schemas.ChangedProduct` of a product on offer, and `schemas.DeletedProduct` of another."""
    identity = [
        JsonField("source", JsonKind.TEXT, "source"),
        JsonField("external_id", JsonKind.TEXT, "external_id"),
        JsonField("version", JsonKind.NUMBER, "version"),
    ]
    live = dialect.json_object([*product_fields(dialect), *identity])
    gone = dialect.json_object(
        [JsonField("id", JsonKind.NUMBER, "id"), *identity, JsonField("deleted", JsonKind.FLAG, "1")]
    )
    return f"CASE WHEN live = 1 THEN {live} ELSE {gone} END"
