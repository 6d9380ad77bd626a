"""What filters and sorts say of the stored catalogue: the columns that are sampled for them, and their indexes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from farmlokal.catalog.places import PACKED_BITS, VECTOR_LENGTH
from farmlokal.database.dialect import Dialect

# Of a sampled product, what it has in the sampled columns of a `QuestionTable`.
SampledRow = tuple[Any, ...]
# By its name, where a sampled column stands in those tuples.
Places = Mapping[str, int]


class Column(NamedTuple):
    """What all sampled rows have in one column, each as a code: a whole number.

    codes: by the row's number. values: what codes stand for, in order, from that of `first` on. missing: one less, the
    code of rows without a value.
    """

    codes: Sequence[int]
    values: Sequence[Any]
    first: int
    missing: int

    def value_of(self, code: int) -> Any:
        """What a code stands for; None for `missing`."""
        return None if code == self.missing else self.values[code - self.first]


# By their names.
Columns = Mapping[str, Column]


@dataclass(frozen=True, slots=True, eq=False)
class SampledColumn:
    """What the planner's sample holds of each product for a filter or a sort.

    name: its own among them. sql: dialect → an expression for it. read: what the database gives → what is kept, where
    that differs.
    """

    name: str
    sql: Callable[[Dialect], str]
    read: Callable[[Any], Any] | None = None

    def __repr__(self) -> str:
        return f"<SampledColumn {self.name}>"


def stored(name: str) -> SampledColumn:
    """A column that is sampled as it is stored."""
    return SampledColumn(name, lambda _: name)


ID = stored("id")
CREATED_AT = stored("created_at")
PRICE_PAISE = SampledColumn(
    "price_paise", lambda dialect: dialect.price_sql, lambda decimal: int(decimal.replace(".", ""))
)
NAME_KEY = stored("name_key")
RATING_KEY = stored("rating_key")
CATEGORY = stored("category")
DISTRICT_KEY = stored("district_key")
STATE_KEY = stored("state_key")
FARM_ID = stored("farm_id")
UNIT = stored("unit")
NAME_ID = stored("name_id")
IN_STOCK = stored("in_stock")
ORGANIC = stored("organic")
CELL = stored("cell")

# What `places.packed` makes, taken apart: y and z, each plus VECTOR_LENGTH. The operators on bits give MySQL numbers
# without a sign, of which it takes no greater ones away.
SHIFTED_Y_SQL = f"CAST(yz >> {PACKED_BITS} AS SIGNED)"
SHIFTED_Z_SQL = f"CAST(yz & {(1 << PACKED_BITS) - 1} AS SIGNED)"
X = stored("x")
Y = SampledColumn("y", lambda _: f"{SHIFTED_Y_SQL} - {VECTOR_LENGTH}")
Z = SampledColumn("z", lambda _: f"{SHIFTED_Z_SQL} - {VECTOR_LENGTH}")


class Index(NamedTuple):
    """An index that holds rows in the order of a sort: those of one value of a filter, or all.

    sort: the name of that sort. sortable: whether a range of it may be sorted for any other: it has the columns of the
    sorts. lacks: the names of sorts whose columns it has not nevertheless: for these rows are read.
    """

    name: str
    sort: str
    sortable: bool = False
    lacks: tuple[str, ...] = ()


class Bounds(NamedTuple):
    """A range of the values that a sort has: both ends are within it. sort: its name."""

    sort: str
    low: float
    high: float
