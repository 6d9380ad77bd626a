"""A random sample of the catalogue, kept in memory in every order that an index has."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from farmlokal.catalog.listing_query import SORT_COLUMNS
from farmlokal.database.interface import Database

# At 1,000,000 products every 30th: a range of √(20 · 1,000,000) entries shows as 147 of them, so its size is known to
# about 8 %. Reading them takes half a second, keeping them about 25 MB.
SAMPLE_ROWS = 32_768
_IDS_PER_STATEMENT = 512


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

# MySQL caps each of its two estimates at half of the index; together they cover it when ties are about a third of it.
_TIES_SHARE_MAX = 0.05


class Sample:
    """Sampled rows in the orders of the indexes.

    share: which part of the catalogue was drawn, so that k sampled rows stand for k / share products.
    by_sort: everything, by sort name. of_category: each category's rows, by category and sort name.
    of_farm: each farm's rows, by farm and `price` or `name`. of_district, of_state: each one's rows by creation time.
    many_tie: by sort name, the values with which so many rows tie that a database may misjudge the range past one.
    """

    def __init__(self, rows: Iterable[SampledRow], share: float) -> None:
        self.share = share
        drawn = list(rows)
        self.by_sort: dict[str, Rows] = {name: sorted(drawn, key=SORT_KEYS[name]) for name in SORT_COLUMNS}
        self.many_tie = {name: _frequent(rows, VALUES[name]) for name, rows in self.by_sort.items()}
        self.of_category = {
            (category, name): rows
            for name, ordered in self.by_sort.items()
            for category, rows in _grouped(ordered, attrgetter("category")).items()
        }
        newest = self.by_sort["created_at"]
        self.of_district = _grouped(newest, attrgetter("district_key"))
        self.of_state = _grouped(newest, attrgetter("state_key"))
        self.of_farm = {
            (farm_id, name): rows
            for name in ("price", "name")
            for farm_id, rows in _grouped(self.by_sort[name], attrgetter("farm_id")).items()
        }

    def __repr__(self) -> str:
        return f"<Sample rows={len(self)} share={self.share:.4f}>"

    def __len__(self) -> int:
        return len(self.by_sort["created_at"])


async def draw_sample(
    database: Database, *, rows: int = SAMPLE_ROWS, choose: Callable[[range, int], list[int]] = random.sample
) -> Sample:
    """Draw about `rows` products by random ids: its cost does not grow with the catalogue.

    choose: picks ids without repeating one, injected by tests. Raises DatabaseUnavailable.
    """
    last_id = (await database.fetch_unlimited("SELECT COALESCE(MAX(id), 0) FROM products"))[0][0]
    ids = sorted(choose(range(1, last_id + 1), min(rows, last_id)))
    drawn: list[SampledRow] = []
    for start in range(0, len(ids), _IDS_PER_STATEMENT):
        chunk = ids[start : start + _IDS_PER_STATEMENT]
        found = await database.fetch_unlimited(
            f"SELECT id, created_at, {database.dialect.price_sql}, name_key, rating_key, category, district_key,"
            f" state_key, farm_id, in_stock, organic FROM products"
            f" WHERE live = 1 AND id IN ({', '.join(map(str, chunk))})"
        )
        drawn += [SampledRow._make((*row[:2], int(row[2].replace(".", "")), *row[3:])) for row in found]
    # A fifth of a second of sorting and grouping, which requests need not wait for.
    return await asyncio.to_thread(Sample, drawn, len(ids) / last_id if last_id else 1.0)


def _frequent(rows: Rows, value_of: Callable[[SampledRow], Any]) -> frozenset[Any]:
    least = len(rows) * _TIES_SHARE_MAX
    return frozenset(value for value, count in Counter(map(value_of, rows)).items() if count > least)


def _grouped(rows: Rows, key: Callable[[SampledRow], Any]) -> dict[Any, Rows]:
    groups: dict[Any, list[SampledRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)
