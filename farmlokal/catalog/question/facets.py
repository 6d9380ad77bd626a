"""What a summary tells the distribution of: a row for each column that products are counted by.

A facet's own filters are those that look at its column, whichever they are: its values are counted without them, so
that a shop can show what else there would be to choose.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question import storage
from farmlokal.catalog.question.filter import Bind, Condition, Filter, as_it_is, as_price
from farmlokal.catalog.question.storage import SampledColumn
from farmlokal.database.dialect import Dialect, decimal_string

# What of it clients see: `value`, or `min` and `max`.
Shown = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Facet:
    """One row of the table of facets: products are counted by the values of a column, or by bands of these.

    sql: the column where it is named otherwise than what is sampled of it. edges: where each band but the first begins;
    a band is known by its number. bind: an edge, dialect → what the column holds for it. shown: by each value or band,
    in the order in which they are listed, what clients see of it; None where the values are those that there are, of
    which the commonest are listed. most: so many of them. read: a value's text from the database → the value.
    """

    name: str
    column: SampledColumn
    sql: str = ""
    edges: tuple[int, ...] = ()
    bind: Bind = as_it_is
    shown: Mapping[Any, Shown] | None = None
    most: int = 0
    read: Callable[[str], Any] = field(default=str)

    def __repr__(self) -> str:
        return f"<Facet {self.name}>"

    def owns(self, one: Filter) -> bool:
        """Whether a filter is one of its own."""
        return self.column in one.columns

    def keys(self, values: Iterable[Any]) -> Iterable[Any]:
        """Of each sampled value of the column what it is counted as: itself, or its band."""
        return map(partial(bisect_right, self.edges), values) if self.edges else values

    def expression(self, dialect: Dialect) -> Condition:
        """The same in SQL."""
        column = self.sql or self.column.name
        if not self.edges:
            return column, ()
        bands = "".join([f" WHEN {column} < %s THEN {number}" for number in range(len(self.edges))])
        return f"CASE{bands} ELSE {len(self.edges)} END", tuple([self.bind(edge, dialect) for edge in self.edges])


# In paise. They never change with what is asked or with what there is: a client can compare two answers. Steps of 1, 2
# and 5 are even where prices are judged by their ratio, as prices of a bunch of coriander and of a calf are.
_PRICE_EDGES = (5_00, 10_00, 20_00, 50_00, 100_00, 200_00, 500_00, 1_000_00, 2_000_00, 5_000_00)
# What a rating key says of the first rating of each band: see `rating_key` in schema.sql.
_RATED, _KEYS_OF_A_STAR, _STARS_MAX = 1, 100, 5


def _price_bands() -> dict[int, Shown]:
    lows = map(decimal_string, (0, *_PRICE_EDGES))
    highs = (*[decimal_string(edge - 1) for edge in _PRICE_EDGES], None)
    return dict(enumerate([{"min": low, "max": high} for low, high in zip(lows, highs, strict=True)]))


def _rating_bands() -> dict[int, Shown]:
    stars = [{"min": star, "max": star + 0.99} for star in range(_STARS_MAX - 1)]
    unrated = {"min": None, "max": None}
    return dict(enumerate([unrated, *stars, {"min": _STARS_MAX - 1, "max": _STARS_MAX}]))


_FLAGS: Mapping[int, Shown] = {1: {"value": True}, 0: {"value": False}}

FACETS = (
    Facet(name="category", column=storage.CATEGORY, shown={slug: {"value": slug} for slug in CATEGORIES}),
    Facet(name="district", column=storage.DISTRICT_KEY, most=20),
    Facet(
        name="price",
        column=storage.PRICE_PAISE,
        sql="price",
        edges=_PRICE_EDGES,
        bind=as_price,
        shown=_price_bands(),
        read=int,
    ),
    Facet(name="organic", column=storage.ORGANIC, shown=_FLAGS, read=int),
    Facet(name="in_stock", column=storage.IN_STOCK, shown=_FLAGS, read=int),
    Facet(
        name="rating",
        column=storage.RATING_KEY,
        edges=tuple(range(_RATED, _RATED + _STARS_MAX * _KEYS_OF_A_STAR, _KEYS_OF_A_STAR)),
        shown=_rating_bands(),
        read=int,
    ),
)
