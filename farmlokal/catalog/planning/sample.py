"""A random sample of the catalogue, kept in memory in every order that an index has."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Self

from farmlokal.catalog.planning.stepwise import Steps, grouped, in_order
from farmlokal.catalog.question.query import SORT_COLUMNS
from farmlokal.database.interface import Database

# At 1,000,000 products every 30th: a range of √(20 · 1,000,000) entries shows as 147 of them, so its size is known to
# about 8 %. Reading them takes half a second, keeping them about 25 MB.
SAMPLE_ROWS = 32_768
# Reading the rows of one statement takes a millisecond of the process; before it serves, nobody waits for that.
_IDS_PER_STATEMENT, _IDS_BEFORE_SERVING = 64, 1024
# Between two pieces of work beside requests: they get five sixths of the time, at least.
_PAUSE_S = 0.005


class SampledRow(NamedTuple):
    """What filters and sorts see of one product."""

    id: int
    created_at: str
    price_paise: int
    name_key: str
    rating_key: int
    category: str
    district_key: str | None
    state_key: str | None
    farm_id: int | None
    in_stock: int
    organic: int


SORT_KEYS: dict[str, Callable[[SampledRow], Any]] = {
    "created_at": attrgetter("created_at", "id"),
    "price": attrgetter("price_paise", "id"),
    "name": attrgetter("name_key", "id"),
    "rating": attrgetter("rating_key", "id"),
}

VALUES: dict[str, Callable[[SampledRow], Any]] = {
    "created_at": attrgetter("created_at"),
    "price": attrgetter("price_paise"),
    "name": attrgetter("name_key"),
    "rating": attrgetter("rating_key"),
}

Rows = Sequence[SampledRow]

# The orders in which an index has the rows of a farm.
_OF_FARM = ("price", "name")

# MySQL caps each of its two estimates at half of the index; together they cover it when ties are about a third of it.
_TIES_SHARE_MAX = 0.05


class Sample:
    """Sampled rows in the orders of the indexes.

    share: which part of the catalogue was drawn, so that k sampled rows stand for k / share products.
    by_sort: everything, by sort name. of_category: each category's rows, by category and sort name.
    of_farm: each farm's rows, by `price` or `name`, then by farm. of_district, of_state: each one's, by creation time.
    many_tie: by sort name, the values with which so many rows tie that a database may misjudge the range past one.
    """

    by_sort: dict[str, Rows]
    many_tie: dict[str, frozenset[Any]]
    of_category: dict[tuple[Any, str], Rows]
    of_farm: dict[str, dict[Any, Rows]]
    of_district: dict[Any, Rows]
    of_state: dict[Any, Rows]

    def __init__(self, rows: Iterable[SampledRow], share: float) -> None:
        self.share = share
        for _ in self._arranging(list(rows)):
            pass

    @classmethod
    async def arranged_gradually(cls, rows: list[SampledRow], share: float) -> Self:
        """The same, in pieces of a few milliseconds at most: between them the event loop answers requests.

        A thread would be no help. It holds the interpreter's lock for as long as one sort takes, and else for five
        milliseconds at a time.
        """
        sample = cls.__new__(cls)
        sample.share = share
        for _ in sample._arranging(rows):
            await asyncio.sleep(_PAUSE_S)
        return sample

    def _arranging(self, drawn: list[SampledRow]) -> Steps[None]:
        self.by_sort, self.many_tie, self.of_category, self.of_farm = {}, {}, {}, {}
        for name in SORT_COLUMNS:
            ordered = self.by_sort[name] = yield from in_order(drawn, SORT_KEYS[name])
            self.many_tie[name] = _frequent(ordered, VALUES[name])
            yield
            groups = yield from grouped(ordered, attrgetter("category"))
            self.of_category |= {(category, name): rows for category, rows in groups.items()}
            if name in _OF_FARM:
                self.of_farm[name] = yield from grouped(ordered, attrgetter("farm_id"))
        self.of_district = yield from grouped(self.by_sort["created_at"], attrgetter("district_key"))
        self.of_state = yield from grouped(self.by_sort["created_at"], attrgetter("state_key"))

    def __repr__(self) -> str:
        return f"<Sample rows={len(self)} share={self.share:.4f}>"

    def __len__(self) -> int:
        return len(self.by_sort["created_at"])


async def draw_sample(
    database: Database,
    *,
    rows: int = SAMPLE_ROWS,
    gradually: bool = False,
    choose: Callable[[range, int], list[int]] | None = None,
) -> Sample:
    """Draw about `rows` products by random ids: its cost does not grow with the catalogue.

    gradually: for a process that serves meanwhile; takes seconds. choose: picks ids without repeating one, injected by
    tests. Raises DatabaseUnavailable.
    """
    last_id = (await database.fetch_unlimited("SELECT COALESCE(MAX(id), 0) FROM products"))[0][0]
    # In a thread, for it takes some 30 ms; and with draws of its own, for the module's are shared with the event loop.
    choose = choose or random.Random().sample  # noqa: S311 - not a secret
    ids = sorted(await asyncio.to_thread(choose, range(1, last_id + 1), min(rows, last_id)))
    drawn: list[SampledRow] = []
    at_once = _IDS_PER_STATEMENT if gradually else _IDS_BEFORE_SERVING
    for start in range(0, len(ids), at_once):
        chunk = ids[start : start + at_once]
        found = await database.fetch_unlimited(
            f"SELECT id, created_at, {database.dialect.price_sql}, name_key, rating_key, category, district_key,"
            f" state_key, farm_id, in_stock, organic FROM products"
            f" WHERE live = 1 AND id IN ({', '.join(map(str, chunk))})"
        )
        drawn += [SampledRow._make((*row[:2], int(row[2].replace(".", "")), *row[3:])) for row in found]
        if gradually:
            await asyncio.sleep(_PAUSE_S)
    share = len(ids) / last_id if last_id else 1.0
    return await Sample.arranged_gradually(drawn, share) if gradually else Sample(drawn, share)


def _frequent(rows: Rows, value_of: Callable[[SampledRow], Any]) -> frozenset[Any]:
    least = len(rows) * _TIES_SHARE_MAX
    return frozenset(value for value, count in Counter(map(value_of, rows)).items() if count > least)
