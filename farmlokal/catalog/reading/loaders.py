"""The loaders behind the cached routes: from a question to a finished body.

The database renders each product; here they are joined, and told where the page stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from farmlokal.caching.value import Value
from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.planning.planner import Planner
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.filters import DISTRICT, FARM, IDS, NEAR, STATE, UNIT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, Position
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.question.words import WORDS
from farmlokal.catalog.reading.hints import Hinting
from farmlokal.catalog.reading.near_statement import round_statement, sorted_statement
from farmlokal.catalog.reading.rows import ShownRow
from farmlokal.catalog.reading.schemas import CategoryList, Hint, PageInfo, SearchInfo
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.reading.searching import names_found, rows_in_words, search_info
from farmlokal.catalog.reading.statement import Statement, page_statement, picked_statement, product_statement
from farmlokal.catalog.reading.units import in_place_of_unit
from farmlokal.database.interface import Database
from farmlokal.errors import NotComplete


class Page(NamedTuple):
    """A finished page: the JSON body, and the cursors that stand in it."""

    body: bytes
    next_cursor: str | None
    prev_cursor: str | None


class ProductStore:
    """The reading side of the catalogue on any backend. Raises Unavailable when the database cannot answer.

    table: what may be asked of it. complete: whether derived columns are: they are not in the middle of an upgrade.
    units_complete: whether names have all of their units.
    """

    def __init__(
        self,
        database: Database,
        table: QuestionTable = TABLE,
        *,
        complete: Callable[[], bool] = lambda: True,
        units_complete: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._complete = complete
        self._units_complete = units_complete
        self.planner = Planner(database, table)
        self._product_sql = product_statement(database.dialect)

    async def page(self, query: ListingQuery) -> list[ShownRow]:
        """Up to limit + 1 rows of the page that `query` asks for, in the order of the scan. Raises NotComplete."""
        self.check_complete(query)
        if query.filters.get(UNIT) is not None:
            found = await in_place_of_unit(query, self._database, self.planner)
            if found is None:
                return []
            query = found
        if query.sort.key is DISTANCE:
            return await self._nearest(query)
        return await self._rows(page_statement(query, self._database.dialect, self.planner.plan(query)))

    async def picked(self, query: ListingQuery) -> list[ShownRow]:
        """The products that `query` asks for by their ids, so far as there are such. Raises NotComplete."""
        self.check_complete(query)
        return await self._rows(picked_statement(query, self._database.dialect))

    def check_complete(self, query: ListingQuery) -> None:
        """Raises NotComplete where what `query` asks for is not known of every product yet."""
        of_units = query.filters.get(UNIT) is not None and not self._units_complete()
        if of_units or (query.filters.derived and not self._complete()):
            raise NotComplete("the catalogue is being upgraded: what this asks for is not known of every product yet")

    async def _nearest(self, query: ListingQuery) -> list[ShownRow]:
        """The page of a question by distance: round by round, until it is full or nothing is left."""
        dialect, wanted = self._database.dialect, query.limit + 1
        walk, plan = self.planner.plan_nearest(query)
        if walk is None:
            return await self._rows(sorted_statement(query, dialect, plan, wanted))
        rows: list[ShownRow] = []
        while len(rows) < wanted:
            missing = wanted - len(rows)
            found = walk.next_round(missing)
            if found is not None:
                if found.ranges or found.crowds:
                    rows += await self._rows(round_statement(query, dialect, found, missing))
                continue
            if not walk.exhausted:
                rest = replace(query, position=walk.position)
                rows += await self._rows(sorted_statement(rest, dialect, plan, missing))
            break
        return rows

    async def _rows(self, statement: Statement) -> list[ShownRow]:
        rows = await self._database.fetch_texts(statement.sql, statement.params)
        return [ShownRow(product or b"", sort_value or b"", squared) for product, sort_value, squared in rows]

    async def product(self, product_id: int) -> bytes | None:
        """One live product, as its JSON body."""
        rows = await self._database.fetch_texts(self._product_sql, (product_id,))
        return rows[0][0] if rows else None

    async def category_counts(self) -> dict[str, int]:
        """How many live products each category has. Walks a whole index: background work."""
        hint = self._database.dialect.index_hint.format("listing_of_category_by_created_at")
        rows = await self._database.fetch_unlimited(
            f"SELECT category, COUNT(*) FROM products {hint} WHERE live = 1 GROUP BY category"
        )
        return dict(rows)


class Listing:
    """Loads what the cache does not hold. What it returns is what the client gets, byte for byte."""

    def __init__(
        self,
        store: ProductStore,
        signer: CursorSigner,
        names: SearchNames | None = None,
        hinting: Hinting | None = None,
    ) -> None:
        """names: what words are looked up in; without it nothing may be asked for in words. hinting: makes hints."""
        self._store = store
        self._signer = signer
        self._names = names
        self._hinting = hinting

    async def page(self, query: ListingQuery) -> Value:
        """One page, with its cursors as the attributes `next` and `prev`."""
        if query.filters.get(IDS) is not None:
            return Value(render_picked(query, await self._store.picked(query)))
        words, search = query.filters.get(WORDS), None
        if words is None or self._names is None:
            rows = await self._store.page(query)
        else:
            self._store.check_complete(query)
            await self._names.catch_up()
            found = names_found(self._names.index, query.filters)
            search = search_info(self._names.index, words, found)
            rows = await rows_in_words(query, found, self._store.page)
        hints = await self._hints(query, rows)
        page = render_page(query, rows, self._signer, search, hints)
        cursors = (("next", page.next_cursor), ("prev", page.prev_cursor))
        # What no product has, one may have soon, of whatever category: then no tag of this page is invalidated.
        return Value(
            page.body, tuple((name, cursor) for name, cursor in cursors if cursor is not None), negative=bool(hints)
        )

    async def _hints(self, query: ListingQuery, rows: list[ShownRow]) -> list[Hint]:
        """What a first page says of values that no product has ever had."""
        if self._hinting is None or query.position is not None:
            return []
        if query.filters.get(DISTRICT) or query.filters.get(STATE) or (query.filters.get(FARM) and not rows):
            return await self._hinting.of(query.filters, nothing_found=not rows)
        return []

    async def product(self, product_id: int) -> Value:
        """One product; where there is none, or no longer, a negative value whose body says so."""
        body = await self._store.product(product_id)
        if body is None:
            return Value(b"there is no product %d" % product_id, negative=True)
        return Value(body)

    async def categories(self) -> Value:
        """Every category of the closed list with its number of products."""
        counts = await self._store.category_counts()
        shown: CategoryList = {"data": [{"category": name, "products": counts.get(name, 0)} for name in CATEGORIES]}
        return Value(orjson.dumps(shown))


def render_page(
    query: ListingQuery,
    rows: list[ShownRow],
    signer: CursorSigner,
    search: SearchInfo | None = None,
    hints: Sequence[Hint] = (),
) -> Page:
    """The page that `rows`, at most limit + 1 of them in the order of the scan, make: a `schemas.ProductPage`.

    search: what it says of the words that were asked for. hints: what it says of values that no product has.
    """
    backward = query.position is not None and query.position.backward
    more = len(rows) > query.limit
    shown = rows[: query.limit]
    if backward:
        shown.reverse()
    # Going forward there is a page before this one whenever a cursor led here; going backward, one after it.
    has_next = backward or more
    has_prev = more if backward else query.position is not None
    next_cursor = signer.seal(query, _edge(query, shown, -1, backward=False)) if has_next else None
    prev_cursor = signer.seal(query, _edge(query, shown, 0, backward=True)) if has_prev else None
    info: PageInfo = {
        "limit": query.limit,
        "has_more": next_cursor is not None,
        "next_cursor": next_cursor,
        "prev_cursor": prev_cursor,
    }
    further: dict[str, Any] = {} if search is None else {"search": search}
    if hints:
        further["hints"] = hints
    return Page(_body(query, shown, info, further), next_cursor, prev_cursor)


def render_picked(query: ListingQuery, rows: list[ShownRow]) -> bytes:
    """The page of products that were asked for by their ids: in that order, with the ids of those that are missing."""
    ids: tuple[int, ...] = query.filters.get(IDS)
    found = {int(row.sort_value): row for row in rows}
    info: PageInfo = {"limit": len(ids), "has_more": False, "next_cursor": None, "prev_cursor": None}
    shown = [found[number] for number in ids if number in found]
    return _body(query, shown, info, {"missing": [number for number in ids if number not in found]})


def _body(query: ListingQuery, shown: list[ShownRow], info: PageInfo, further: dict[str, Any]) -> bytes:
    """The JSON of a page. further: members that stand behind the others."""
    near = query.filters.get(NEAR)
    if near is not None:
        info["near"] = str(near.point)
    products = b",".join([row.body() for row in shown])
    behind = b"," + orjson.dumps(further)[1:] if further else b"}"
    return b'{"data":[%b],"page":%b%b' % (products, orjson.dumps(info), behind)


def _edge(query: ListingQuery, shown: list[ShownRow], place: int, *, backward: bool) -> Position:
    if shown:
        row = shown[place]
        value = query.sort.key.read(row.sort_value.decode())
        return Position(value, orjson.loads(row.product)["id"], backward)
    # Everything past the cursor is gone meanwhile. Turn round at the cursor itself, its own row included: an id is
    # whole, so "past id ± 1" reaches the row that "past id" leaves out.
    position = query.position
    if position is None:
        raise AssertionError("an empty first page has no neighbours")
    return Position(position.value, position.id + (1 if backward != query.sort.falls else -1), backward)
