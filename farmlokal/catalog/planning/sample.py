"""A random sample of the catalogue, kept in memory in every order that an index has."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import accumulate, chain
from typing import Any, Self

from farmlokal.catalog.planning.columns import DrawnRows, narrow
from farmlokal.catalog.planning.quadtree import Quadtree
from farmlokal.catalog.planning.rows import Groups, Rows
from farmlokal.catalog.planning.stepwise import Steps, grouped, in_order
from farmlokal.catalog.question import storage
from farmlokal.catalog.question.storage import Column, SampledRow
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.database.interface import Database, Row

# At 1,000,000 products every 30th: a range of √(20 · 1,000,000) entries shows as 147 of them, so its size is known to
# about 8 %. Reading them takes half a second, keeping them about 3 MB.
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
    """Sampled rows in the orders of the indexes. Their numbers are in the order of their ids.

    share: which part of the catalogue was drawn, so that k sampled rows stand for k / share products.
    drawn: how many ids were; where a product was deleted, no row came of its.
    table: which columns the rows have, and which indexes there are.
    columns: by name, what all rows have in a column.
    by_sort: everything, by sort name. of_index: by the name of a filter's index, the rows of each value in its order.
    by_place, cells: what has a place, by the cells where it is, and those cells.
    many_tie: by sort name, the values with which so many rows tie that a database may misjudge the range past one.
    """

    columns: dict[str, Column]
    by_sort: dict[str, Rows]
    of_index: dict[str, Groups]
    by_place: Rows
    cells: Sequence[int]
    many_tie: dict[str, frozenset[Any]]
    drawn: int

    def __init__(
        self,
        rows: DrawnRows | Iterable[SampledRow],
        share: float,
        table: QuestionTable = TABLE,
        *,
        drawn: int | None = None,
    ) -> None:
        """rows: in the order of `table.columns` each. drawn: by default as many as there are."""
        for _ in self._arranging(rows, share, table, drawn):
            pass

    @classmethod
    async def arranged_gradually(
        cls,
        rows: DrawnRows | Iterable[SampledRow],
        share: float,
        table: QuestionTable = TABLE,
        *,
        drawn: int | None = None,
    ) -> Self:
        """The same, in pieces of a few milliseconds at most: between them the event loop answers requests.

        A thread would be no help. It holds the interpreter's lock for as long as one sort takes, and else for five
        milliseconds at a time.
        """
        sample = cls.__new__(cls)
        for _ in sample._arranging(rows, share, table, drawn):
            await asyncio.sleep(_PAUSE_S)
        return sample

    def _arranging(
        self, rows: DrawnRows | Iterable[SampledRow], share: float, table: QuestionTable, drawn: int | None
    ) -> Steps[None]:
        given = rows if isinstance(rows, DrawnRows) else DrawnRows(table, rows)
        every = range(len(given))
        self.share, self.table, self.drawn = share, table, len(given) if drawn is None else drawn
        self.columns = yield from given.in_columns()
        self.by_sort, self.of_index, self.many_tie = {}, {}, {}
        columns = list(self.columns.values())
        for key in self.table.sort_keys:
            column = self.columns[key.sampled.name]
            # In the order of their ids those stay that tie.
            numbers = yield from in_order(every, column.codes.__getitem__)
            self.by_sort[key.name] = Rows(narrow(numbers), columns)
            self.many_tie[key.name] = _frequent(column)
            yield
        for one in self.table.filters:
            for index in one.indexes:
                ordered = self.by_sort[index.sort].numbers
                self.of_index[index.name] = yield from _groups(self.columns[one.columns[0].name], ordered, columns)
        placed: list[int] = []
        cell = self.columns.get(storage.CELL.name)
        if cell is not None:
            placed = yield from in_order(
                [number for number in every if cell.codes[number] != cell.missing], cell.codes.__getitem__
            )
        self.by_place = Rows(narrow(placed), columns)
        self.cells = () if cell is None else narrow(list(map(cell.codes.__getitem__, placed)))

    @cached_property
    def tree(self) -> Quadtree:
        """The squares over `cells`."""
        return Quadtree(self.cells)

    @cached_property
    def place_of(self) -> Sequence[int]:
        """By a row's number where it stands in `by_place`; what has no place comes behind all of it."""
        place_of = [len(self.by_place)] * len(self)
        for place, number in enumerate(self.by_place.numbers):
            place_of[number] = place
        return narrow(place_of)

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
    drawn = DrawnRows(table)
    columns = ", ".join([column.sql(database.dialect) for column in table.columns])
    at_once = _IDS_PER_STATEMENT if gradually else _IDS_BEFORE_SERVING

    async def read(ids: list[int]) -> None:
        for start in range(0, len(ids), at_once):
            chunk = ids[start : start + at_once]
            found = await database.fetch_unlimited(
                f"SELECT {columns} FROM products WHERE live = 1 AND id IN ({', '.join(map(str, chunk))})"
            )
            drawn.extend(_sampled(found, table))
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


def _sampled(found: Iterable[Row], table: QuestionTable) -> list[SampledRow]:
    """Rows as the database gives them → as the sample takes them."""
    readers = [(place, column.read) for place, column in enumerate(table.columns) if column.read is not None]
    sampled = []
    for row in found:
        values = list(row)
        for place, read in readers:
            values[place] = read(values[place])
        sampled.append(tuple(values))
    return sampled


def _groups(column: Column, ordered: Sequence[int], columns: Sequence[Column]) -> Steps[Groups]:
    """The rows with these numbers by what they have in a column, in each group in the order in which they come."""
    by_code = yield from grouped(ordered, column.codes.__getitem__)
    by_code.pop(column.missing, None)
    held = sorted(by_code)
    groups = [by_code[code] for code in held]
    starts = narrow(list(accumulate(map(len, groups), initial=0)))
    # Of texts each has rows. Whole numbers are their own codes.
    values = column.values if len(column.values) == len(held) else narrow(held)
    return Groups(values, starts, narrow(list(chain.from_iterable(groups))), columns)


def _frequent(column: Column) -> frozenset[Any]:
    least = len(column.codes) * _TIES_SHARE_MAX
    return frozenset([column.value_of(code) for code, count in Counter(column.codes).items() if count > least])
