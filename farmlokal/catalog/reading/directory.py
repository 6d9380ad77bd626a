"""The loaders behind the directory: pages of places and of farms, and one farm."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from farmlokal.caching.value import Value
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.directory import LEVEL_DEFAULT, LEVELS, DirectoryQuery
from farmlokal.catalog.question.filters import DISTRICT, STATE
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.reading.directory_schemas import DirectoryPageInfo, FarmShown, PlaceShown
from farmlokal.catalog.reading.hints import Hinting
from farmlokal.catalog.reading.paging import cut_page
from farmlokal.database.interface import Database, Row
from farmlokal.errors import NotComplete

# No character stands behind it: what begins with a text is what lies between that and that with this at its end.
_LAST = "\U0010ffff"
# A farm that has not been counted yet is new: so far it is counted for whoever opens it.
_COUNTED_AT_ONCE_MAX = 1000
_FARM = (
    "SELECT farms.name, listed.id, listed.district, listed.state, listed.products FROM farms"
    " LEFT JOIN listed_farms AS listed ON listed.id = farms.id WHERE farms.id = %s"
)


class _List(NamedTuple):
    """A table of the directory. columns: what its pages select; the first two are what they are ordered by."""

    table: str
    columns: str


_PLACES = _List("places", "words, id, level, name, district, state, products")
_FARMS = _List("listed_farms", "words, id, name, district, state, products")
_LEVEL_NAMES = {number: name for name, number in LEVELS.items()}


class Directory:
    """Loads what the cache does not hold of it.

    Raises Unavailable when the database cannot answer, and NotComplete before the first count.
    """

    def __init__(self, database: Database, signer: CursorSigner, hinting: Hinting) -> None:
        self._database = database
        self._signer = signer
        self._hinting = hinting

    def __repr__(self) -> str:
        return f"<Directory {self._database!r}>"

    async def places(self, query: DirectoryQuery) -> Value:
        """A page of places, with its cursors as the attributes `next` and `prev`."""
        held: list[tuple[str, Any]] = [("level", LEVELS[query.get("level") or LEVEL_DEFAULT])]
        index, state = "places_by_words", query.get("state")
        if state is not None:
            held.append(("state_key", state))
            index = "places_of_state"
        rows = await self._rows(query, _PLACES, index, held)
        return await self._page(query, rows, _place, {STATE: state})

    async def farms(self, query: DirectoryQuery) -> Value:
        """A page of farms, with its cursors as the attributes `next` and `prev`."""
        district = query.get("district")
        if district is None:
            rows = await self._rows(query, _FARMS, "listed_farms_by_words", [])
        else:
            rows = await self._rows(query, _FARMS, "listed_farms_of_district", [("district_key", district)])
        return await self._page(query, rows, _farm, {DISTRICT: district})

    async def farm(self, farm_id: int) -> Value:
        """One farm; a negative value where there is none."""
        found = await self._database.fetch(_FARM, (farm_id,))
        if not found:
            return Value(b"there is no farm %d" % farm_id, negative=True)
        name, listed, *counted = found[0]
        if listed is None:
            counted = await self._counted(farm_id)
        return Value(orjson.dumps(_farm((None, farm_id, name, *counted))))

    async def _counted(self, farm_id: int) -> list[Any]:
        """District, state and number of products of a farm that is not listed."""
        hint = self._database.dialect.index_hint.format("listing_of_farm_by_name")
        rows = await self._database.fetch(
            "SELECT MIN(district), MIN(state), COUNT(*) FROM (SELECT district, state"
            f" FROM products {hint} WHERE live = 1 AND farm_id = %s LIMIT {_COUNTED_AT_ONCE_MAX}) AS of_farm",
            (farm_id,),
        )
        return list(rows[0])

    async def _rows(
        self, query: DirectoryQuery, of: _List, index: str, held: Sequence[tuple[str, Any]]
    ) -> Sequence[Row]:
        """The first limit + 1 rows past the query's position. held: columns and what they hold.

        ::

            SELECT words, id, name, district, state, products FROM listed_farms FORCE INDEX (listed_farms_of_district)
            WHERE district_key = 'pune' AND words >= 'pat' AND words < 'pat\U0010ffff'
              AND words >= 'patil farm' AND (words > 'patil farm' OR (words = 'patil farm' AND id > 411))
            ORDER BY words, id LIMIT 21
        """
        conditions, params = [f"{column} = %s" for column, _ in held], [value for _, value in held]
        begins, position = query.get("q"), query.position
        if begins is not None:
            conditions.append("words >= %s AND words < %s")
            params += [begins, begins + _LAST]
        backward = position is not None and position.backward
        if position is not None:
            past = "<" if backward else ">"
            conditions.append(f"words {past}= %s AND (words {past} %s OR (words = %s AND id {past} %s))")
            params += [position.value, position.value, position.value, position.id]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        direction = " DESC" if backward else ""
        rows = await self._database.fetch(
            f"SELECT {of.columns} FROM {of.table} {self._database.dialect.index_hint.format(index)}{where}"
            f" ORDER BY words{direction}, id{direction} LIMIT {query.limit + 1}",
            params,
        )
        if not rows and position is None:
            await self._check_counted(of)
        return rows

    async def _check_counted(self, of: _List) -> None:
        """Raises NotComplete where there is something to list, and the first count is not through."""
        if await self._database.fetch(f"SELECT id FROM {of.table} LIMIT 1"):
            return
        hint = self._database.dialect.index_hint.format("listing_of_district")
        if await self._database.fetch(f"SELECT id FROM products {hint} WHERE live = 1 AND district_key >= '' LIMIT 1"):
            raise NotComplete("the places and farms of the catalogue are being counted for the first time")

    async def _page(
        self, query: DirectoryQuery, rows: Sequence[Row], show: Callable[[Row], object], asked: dict[Any, str | None]
    ) -> Value:
        def seal(row: Row | None, backward: bool) -> str:
            if row is not None:
                return self._signer.seal_for(query.question, Position(row[0], row[1], backward))
            position = query.position
            if position is None:
                raise AssertionError("an empty first page has no neighbours")
            # An id is whole: past id ± 1 is the row that "past id" leaves out, too.
            at = position.id + (1 if backward else -1)
            return self._signer.seal_for(query.question, Position(position.value, at, backward))

        cut = cut_page(rows, query.limit, query.position, seal)
        info: DirectoryPageInfo = {
            "limit": query.limit,
            "has_more": cut.next_cursor is not None,
            "next_cursor": cut.next_cursor,
            "prev_cursor": cut.prev_cursor,
        }
        body: dict[str, Any] = {"data": list(map(show, cut.shown)), "page": info}
        hints = [] if rows or query.position else await self._hinting.hints(asked)
        if hints:
            body["hints"] = hints
        return Value(orjson.dumps(body), cut.cursors, negative=bool(hints))


def _place(row: Row) -> PlaceShown:
    level, name, district, state, products = row[2:]
    return {
        "level": _LEVEL_NAMES[level],
        "name": name,
        "district": district,
        "state": state,
        "products": products,
    }


def _farm(row: Row) -> FarmShown:
    _, farm_id, name, district, state, products = row
    return {"id": farm_id, "name": name, "district": district, "state": state, "products": products}
