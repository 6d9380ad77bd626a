"""A random sample of the catalogue, kept in memory in every order that an index has."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, Self

from farmlokal.catalog.planning.quadtree import Quadtree
from farmlokal.catalog.planning.stepwise import Steps, grouped, in_order
from farmlokal.catalog.question import storage
from farmlokal.catalog.question.storage import Rows, SampledRow
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.database.interface import Database, Row

# At 1,000,000 products every 30th: a range of √(20 · 1,000,000) entries shows as 147 of them, so its size is known to
# about 8 %. Reading them takes half a second, keeping them about 17 MB.
SAMPLE_ROWS = 32_768
# Reading the rows of one statement takes a millisecond of the process; before it serves, nobody waits for that.
_IDS_PER_STATEMENT, _IDS_BEFORE_SERVING = 64, 1024
# A sample is drawn on where fewer of its ids than this are products; at most so many times as many ids are tried.
_DENSE_SHARE, _TRIED_MAX = 0.9, 8
# Between two pieces of work beside requests: they get five sixths of the time, at least.
_PAUSE_S = 0.005

# MySQL caps each of its two estimates at half of the index; together they cover it when ties are about a third of it.
_TIES_SHARE_MAX = 0.05


class Sample:
    """Sampled rows in the orders of the indexes.

    share: which part of the catalogue was drawn, so that k sampled rows stand for k / share products.
    drawn: how many ids were; where a product was deleted, no row came of its.
    table: which columns the rows have, and which indexes there are.
    by_sort: everything, by sort name. of_index: by the name of a filter's index, the rows of each value in its order.
    by_place, cells: what has a place, by the cells where it is, and those cells.
    many_tie: by sort name, the values with which so many rows tie that a database may misjudge the range past one.
    """

    by_sort: dict[str, Rows]
    of_index: dict[str, Mapping[Any, Rows]]
    by_place: Rows
    cells: Sequence[int]
    many_tie: dict[str, frozenset[Any]]
    drawn: int

    def __init__(
        self, rows: Iterable[SampledRow], share: float, table: QuestionTable = TABLE, *, drawn: int | None = None
    ) -> None:
        """drawn: by default as many as there are rows."""
        given = list(rows)
        self.share = share
        self.table = table
        self.drawn = len(given) if drawn is None else drawn
        for _ in self._arranging(given):
            pass

    @classmethod
    async def arranged_gradually(
        cls, rows: list[SampledRow], share: float, table: QuestionTable = TABLE, *, drawn: int | None = None
    ) -> Self:
        """The same, in pieces of a few milliseconds at most: between them the event loop answers requests.

        A thread would be no help. It holds the interpreter's lock for as long as one sort takes, and else for five
        milliseconds at a time.
        """
        sample = cls.__new__(cls)
        sample.share, sample.table = share, table
        sample.drawn = len(rows) if drawn is None else drawn
        for _ in sample._arranging(rows):
            await asyncio.sleep(_PAUSE_S)
        return sample

    def _arranging(self, drawn: list[SampledRow]) -> Steps[None]:
        self.by_sort, self.of_index, self.many_tie = {}, {}, {}
        places = self.table.places
        for key in self.table.sort_keys:
            ordered = self.by_sort[key.name] = yield from in_order(drawn, self.table.row_orders[key.name])
            self.many_tie[key.name] = _frequent(ordered, itemgetter(places[key.sampled.name]))
            yield
        for one in self.table.filters:
            for index in one.indexes:
                value_of = itemgetter(places[one.columns[0].name])
                self.of_index[index.name] = yield from grouped(self.by_sort[index.sort], value_of)
        self.by_place, self.cells = (), ()
        if storage.CELL.name in places:
            cell_of = itemgetter(places[storage.CELL.name])
            placed = [row for row in drawn if cell_of(row) is not None]
            self.by_place = yield from in_order(placed, itemgetter(places[storage.CELL.name], places[storage.ID.name]))
            self.cells = list(map(cell_of, self.by_place))

    @cached_property
    def tree(self) -> Quadtree:
        """The squares over `cells`."""
        return Quadtree(self.cells)

    def __repr__(self) -> str:
        return f"<Sample rows={len(self)} share={self.share:.4f}>"

    def __len__(self) -> int:
        return len(next(iter(self.by_sort.values())))


async def draw_sample(
    database: Database,
    *,
    table: QuestionTable = TABLE,
    rows: int = SAMPLE_ROWS,
    gradually: bool = False,
    choose: Callable[[range, int], list[int]] | None = None,
) -> Sample:
    """Draw about `rows` products by random ids, whatever gaps these have: its cost does not grow with the catalogue.

    table: says what is sampled. gradually: for a process that serves meanwhile; takes seconds. choose: picks ids
    without repeating one, injected by tests. Raises DatabaseUnavailable.
    """
    last_id = (await database.fetch_unlimited("SELECT COALESCE(MAX(id), 0) FROM products"))[0][0]
    # In a thread, for it takes some 30 ms; and with draws of its own, for the module's are shared with the event loop.
    choose = choose or random.Random().sample  # noqa: S311 - not a secret
    ids = await asyncio.to_thread(choose, range(1, last_id + 1), min(rows, last_id))
    drawn: list[SampledRow] = []
    shared: list[dict[Any, Any]] = [{} for _ in table.columns]
    columns = ", ".join([column.sql(database.dialect) for column in table.columns])
    at_once = _IDS_PER_STATEMENT if gradually else _IDS_BEFORE_SERVING

    async def read(ids: list[int]) -> None:
        for start in range(0, len(ids), at_once):
            chunk = ids[start : start + at_once]
            found = await database.fetch_unlimited(
                f"SELECT {columns} FROM products WHERE live = 1 AND id IN ({', '.join(map(str, chunk))})"
            )
            drawn.extend(_sampled(found, table, shared))
            if gradually:
                await asyncio.sleep(_PAUSE_S)

    await read(sorted(ids))
    tried = len(ids)
    if len(drawn) < _DENSE_SHARE * tried < _DENSE_SHARE * last_id:
        # Of so many ids few are products: where three nodes write, each counts in threes; others were deleted.
        enough = min(last_id, _TRIED_MAX * tried, tried * tried // max(len(drawn), 1))
        new_share = 1 - tried / last_id  # of what is drawn again, the part that is not among the first
        count = min(last_id, round((enough - tried) / new_share))
        further = set(await asyncio.to_thread(choose, range(1, last_id + 1), count)).difference(ids)
        await read(sorted(further))
        tried += len(further)
    share = tried / last_id if last_id else 1.0
    if gradually:
        return await Sample.arranged_gradually(drawn, share, table, drawn=tried)
    return Sample(drawn, share, table, drawn=tried)


def _sampled(found: Iterable[Row], table: QuestionTable, shared: Sequence[dict[Any, Any]]) -> Iterator[SampledRow]:
    """Rows as the database gives them → as the sample keeps them.

    shared: by column, its values that were seen before. Rows share one copy of each: else copies are nearly half of a
    sample's memory.
    """
    readers = [(place, column.read) for place, column in enumerate(table.columns) if column.read is not None]
    for row in found:
        values = list(row)
        for place, read in readers:
            values[place] = read(values[place])
        yield tuple([known.setdefault(value, value) for known, value in zip(shared, values, strict=True)])


def _frequent(rows: Rows, value_of: Callable[[SampledRow], Any]) -> frozenset[Any]:
    least = len(rows) * _TIES_SHARE_MAX
    return frozenset(value for value, count in Counter(map(value_of, rows)).items() if count > least)
