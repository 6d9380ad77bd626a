"""The columns of a product that follow from others: a row for each group of them says how it is made.

The writer fills them with every product, and `mending` where the release before wrote one without them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from farmlokal.catalog.places import cell_number, packed, row_and_column_at, vector_to
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.tags import NAMES
from farmlokal.catalog.writing.names import NameKey, NameUnit, name_identity, name_ids
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements

Values = tuple[Any, ...]


class Deriving(NamedTuple):
    """A transaction that writes products. tags: gets the cache tags touched beside.

    names, units: ids of names and their units that need no look-up. keep_units: see `name_ids`.
    """

    statements: Statements
    dialect: Dialect
    tags: set[str]
    names: Mapping[NameKey, int] = MappingProxyType({})
    units: Set[NameUnit] = frozenset()
    keep_units: bool = True


class Derivation(NamedTuple):
    """Columns that follow from others.

    columns: their names; they hold whole numbers or NULL. made_from: what of a product they follow from: each names a
    column of `products` and a field of `ProductRecord`. derive: the transaction that writes the products, and what
    of each product they are made from → what they hold for each.
    """

    columns: tuple[str, ...]
    made_from: tuple[str, ...]
    derive: Callable[[Deriving, Sequence[Values]], Awaitable[Sequence[Values]]]


async def _places(_: Deriving, positions: Sequence[Values]) -> list[Values]:
    return [place_columns(*position) for position in positions]


@lru_cache(maxsize=16_384)  # the products of a farm or of a market come together
def place_columns(lat: float | None, lon: float | None) -> Values:
    """What the columns of `OF_PLACES` hold for a place in degrees; NULLs for none."""
    if lat is None or lon is None:
        return (None,) * 3
    # Rows and columns: to take a cell's number apart again would be a third of the time.
    row, column = row_and_column_at(lat, lon)
    vector = vector_to(row, column)
    return cell_number(row, column), vector.x, packed(vector)


async def _names(deriving: Deriving, named: Sequence[Values]) -> list[Values]:
    # A tombstone of what never came has none.
    triples = [(name, category, unit) for name, category, unit in named if name]
    statements, dialect, _, known, known_units, keep_units = deriving
    ids, born = await name_ids(statements, dialect, triples, known, known_units, keep_units=keep_units)
    if born:
        deriving.tags.add(NAMES)
    return [(ids[name_identity(name, category)] if name else None,) for name, category, _ in named]


OF_PLACES = Derivation(columns=("cell", "x", "yz"), made_from=("lat", "lon"), derive=_places)
DERIVATIONS = (
    OF_PLACES,
    Derivation(columns=("name_id",), made_from=("name", "category", "unit"), derive=_names),
)

DERIVED_COLUMNS = tuple(column for one in DERIVATIONS for column in one.columns)
MADE_FROM = tuple(dict.fromkeys(name for one in DERIVATIONS for name in one.made_from))
made_from: Callable[[ProductRecord], Values] = attrgetter(*MADE_FROM)
"""What of a record its derived columns are made from: the values that `MADE_FROM` names."""


async def derived_values(deriving: Deriving, products: Sequence[Values]) -> list[Values]:
    """What `DERIVED_COLUMNS` hold for each of `products`, of which each has what `MADE_FROM` names."""
    groups = []
    for one in DERIVATIONS:
        places = [MADE_FROM.index(name) for name in one.made_from]
        groups.append(await one.derive(deriving, [tuple([product[at] for at in places]) for product in products]))
    return [tuple([value for group in of_product for value in group]) for of_product in zip(*groups, strict=True)]
