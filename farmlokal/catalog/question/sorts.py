"""The orders of the listing: a row for each says all that there is to know of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from farmlokal.catalog.question import storage
from farmlokal.catalog.question.filter import Bind, Condition, as_it_is, as_price
from farmlokal.catalog.question.storage import Index, SampledColumn
from farmlokal.database.dialect import Dialect

# What a scan calls the value that it orders by.
FOUND = "found"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class SortKey:
    """One row of the table of sorts: what products are ordered by, in either direction.

    column: what the database orders by. sampled: the same in sampled rows. text: an expression for it as text, which
    a cursor keeps. read: that text → the value of a `Position`, which is what is sampled, too. bind: that value,
    dialect → what the column holds for it. index: everything in this order. gathers: whether products that pass a
    filter stand together in it: one name has one category and a narrow range of prices. needs: the name of
    the filter that it is computed from, where it is no column: it exists with that alone, in this direction alone.
    falling: of such an order, whether of products that tie the one with the highest id comes first.
    """

    name: str
    column: str
    sampled: SampledColumn
    index: Index
    text: Callable[[Dialect], str]
    read: Callable[[str], str | int] = str
    bind: Bind = as_it_is
    gathers: bool = False
    needs: str | None = None
    falling: bool = False

    def __repr__(self) -> str:
        return f"<SortKey {self.name}>"


class Position(NamedTuple):
    """A place in an order: just after (or, going backward, just before) the row with this sort value and id.

    value: what the sort's `SortKey.read` gives: a time as on the wire, paise, a name key, a rating key.
    """

    value: str | int
    id: int
    backward: bool = False


class Sort(NamedTuple):
    """An order of the catalogue: by `key`, ties by `id` in the same direction."""

    key: SortKey
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.key.name}" if self.descending else self.key.name

    @property
    def name(self) -> str:
        """That of the key."""
        return self.key.name

    @property
    def falls(self) -> bool:
        """Whether of products that tie the one with the highest id comes first."""
        return self.descending or self.key.falling

    def reversed(self) -> "Sort":
        """The same order walked backward."""
        return Sort(self.key, not self.descending)

    def order_by(self, value: str, row_id: str) -> str:
        """The terms of ORDER BY. value, row_id: what the two are called."""
        direction = " DESC" if self.descending else ""
        return f"{value}{direction}, {row_id}{direction}"

    def past(self, position: Position, dialect: Dialect, *, ties_apart: bool) -> list[Condition]:
        """The rows past a position in this order, as one condition, or as two for a scan each.

        The expanded form, not `(a, id) > (x, y)`, which MySQL answers by reading the whole prefix; the leading bound is
        implied by the rest, but gives the optimiser a range to start from.

        ties_apart: those that tie with the position, and those past its value. Where a large part of the index ties,
        MySQL finds the two ranges together no narrower than all of it, and walks from the index's beginning instead;
        each by itself it takes.
        """
        value = self.key.bind(position.value, dialect)
        whole, ties, rest = _past_sql(self.key.column, "<" if self.descending else ">")
        if ties_apart:
            return [(ties, (value, position.id)), (rest, (value,))]
        return [(whole, (value, value, value, position.id))]


@lru_cache
def _past_sql(column: str, past: str) -> tuple[str, str, str]:
    """The rows past a position, those of them that tie with it, and those that do not."""
    ties, rest = f"{column} = %s AND id {past} %s", f"{column} {past} %s"
    return f"{column} {past}= %s AND ({rest} OR ({ties}))", ties, rest


def sorts_of(keys: Iterable[SortKey]) -> dict[str, Sort]:
    """Each of `keys`, in both directions where it has them, by the text that asks for it."""
    asked = [Sort(key, descending) for key in keys for descending in (False, True) if not (descending and key.needs)]
    return {str(sort): sort for sort in asked}


CREATED_AT = SortKey(
    name="created_at",
    column="created_at",
    sampled=storage.CREATED_AT,
    index=Index("listing_by_created_at", "created_at", lacks=("rating",)),
    text=lambda dialect: dialect.time_sql.format("created_at"),
    bind=lambda wire, dialect: dialect.time_in(wire),
)
PRICE = SortKey(
    name="price",
    column="price",
    sampled=storage.PRICE_PAISE,
    index=Index("listing_by_price", "price", sortable=True),
    text=lambda dialect: dialect.price_sql,
    read=lambda decimal: int(decimal.replace(".", "")),
    bind=as_price,
    gathers=True,
)
NAME = SortKey(
    name="name",
    column="name_key",
    sampled=storage.NAME_KEY,
    index=Index("listing_by_name", "name", lacks=("rating",)),
    text=lambda _: "name_key",
    gathers=True,
)
RATING = SortKey(
    name="rating",
    column="rating_key",
    sampled=storage.RATING_KEY,
    index=Index("listing_by_rating", "rating", sortable=True, lacks=("created_at", "name")),
    text=lambda _: "rating_key",
    read=int,
)

# Computed from the point that a question names, as `FOUND`, by the scans that it is looked for with.
DISTANCE = SortKey(
    name="distance",
    column=FOUND,
    sampled=storage.CELL,
    index=Index("listing_by_place", "distance", sortable=True, lacks=("name",)),
    text=lambda _: FOUND,
    read=int,
    needs="near",
)

# What comes closest to the words asked for. It is not an order of the database's: products are found tier by tier, in
# each the newest first, and the value of a position is the tier's number and the time.
RELEVANCE = SortKey(
    name="relevance",
    column=CREATED_AT.column,
    sampled=CREATED_AT.sampled,
    index=CREATED_AT.index,
    text=CREATED_AT.text,
    needs="words",
    falling=True,
)

# A question that could have several of them has the last, unless it asks for another order.
COMPUTED_KEYS = (DISTANCE, RELEVANCE)
SORT_KEYS = (CREATED_AT, PRICE, NAME, RATING)
SORTS = sorts_of(SORT_KEYS)
SORT_DEFAULT = SORTS["-created_at"]
