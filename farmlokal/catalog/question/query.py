"""A question to the catalogue in canonical form: two spellings of one question are one ListingQuery."""

from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote

import orjson

from farmlokal.catalog.categories import CATEGORIES

LIMIT_DEFAULT = 20
LIMIT_MAX = 100


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the catalogue: by `column`, ties by `id` in the same direction."""

    name: str
    column: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.name}" if self.descending else self.name

    def reversed(self) -> "Sort":
        """The same order walked backward."""
        return replace(self, descending=not self.descending)


SORT_COLUMNS = {"created_at": "created_at", "price": "price", "name": "name_key", "rating": "rating_key"}
SORTS = {
    str(sort): sort
    for name, column in SORT_COLUMNS.items()
    for sort in (Sort(name, column), Sort(name, column, descending=True))
}
SORT_DEFAULT = SORTS["-created_at"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which products are asked for; None, or no category, asks for any.

    categories: sorted, no duplicates. Prices are inclusive. The two keys are normal forms (`normalise.text_key`).
    """

    categories: tuple[str, ...] = ()
    min_price_paise: int | None = None
    max_price_paise: int | None = None
    district_key: str | None = None
    state_key: str | None = None
    farm_id: int | None = None
    in_stock: bool | None = None
    organic: bool | None = None

    def normalised(self) -> "Filters":
        """The one form of everything that asks the same."""
        categories = tuple(sorted(set(self.categories)))
        return replace(
            self,
            categories=() if len(categories) == len(CATEGORIES) else categories,
            min_price_paise=self.min_price_paise or None,  # no price is below 0
        )


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an order: just after (or, going backward, just before) the row with this sort value and id.

    value: what the sort column holds, in the form of the wire: a time, paise, a name key, a rating key.
    """

    value: str | int
    id: int
    backward: bool = False


@dataclass(frozen=True)
class ListingQuery:
    """One page of the catalogue. `filters` must be normalised."""

    filters: Filters = Filters()
    sort: Sort = SORT_DEFAULT
    limit: int = LIMIT_DEFAULT
    position: Position | None = None

    @cached_property
    def question(self) -> str:
        """Canonical text of filters and sort: what a cursor is made for. Defaults are left out."""
        filters = self.filters
        pairs = [
            ("category", ",".join(filters.categories) or None),
            ("district", filters.district_key),
            ("farm_id", filters.farm_id),
            ("in_stock", filters.in_stock),
            ("max_price", filters.max_price_paise),
            ("min_price", filters.min_price_paise),
            ("organic", filters.organic),
            ("state", filters.state_key),
            ("sort", None if self.sort == SORT_DEFAULT else self.sort),
        ]
        return "&".join(f"{name}={quote(str(value), safe=',')}" for name, value in pairs if value is not None)

    def canonical(self) -> str:
        """Canonical text of the whole question: the cache key. Equal exactly when the questions are equal."""
        parts = [self.question] if self.question else []
        if self.limit != LIMIT_DEFAULT:
            parts.append(f"limit={self.limit}")
        if self.position is not None:
            value = quote(orjson.dumps(self.position.value), safe="")
            parts.append(f"{'before' if self.position.backward else 'after'}={value},{self.position.id}")
        return "&".join(parts)
