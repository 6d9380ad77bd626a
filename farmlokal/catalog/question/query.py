"""A question to the catalogue in canonical form: two spellings of one question are one ListingQuery."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import orjson

from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.sorts import COMPUTED_KEYS, SORT_DEFAULT, Position, Sort

LIMIT_DEFAULT = 20
LIMIT_MAX = 100


class Filters(tuple[tuple[Filter, Any], ...]):
    """Which products are asked for: each filter that is, with its value, in the order of the table of filters."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Filters {escaped(self.texts()) or 'none'}>"

    def get(self, wanted: Filter) -> Any:
        """The value of one filter; None where it is not asked for."""
        for one, value in self:
            if one is wanted:
                return value
        return None

    def narrowed(self, narrowing: Filter, value: Any) -> "Filters":
        """The same with `value` for one filter, in place of the one that it may have."""
        if self.get(narrowing) is None:
            return Filters(((narrowing, value), *self))
        return Filters([(one, value if one is narrowing else other) for one, other in self])

    @property
    def derived(self) -> bool:
        """Whether any of them looks at derived columns."""
        return any(one.derived for one, _ in self)

    def without(self, *unwanted: Filter) -> "Filters":
        """The same, but for some of them."""
        return Filters([each for each in self if each[0] not in unwanted])

    def texts(self) -> list[tuple[str, str]]:
        """The parameters that ask for these products, each with its canonical text."""
        return [text for one, value in self for text in one.texts(value)]


NO_FILTERS = Filters()


def default_sort(filters: Filters) -> Sort:
    """The order of a question that asks for none: one that is computed from its filters, or the newest."""
    names = [one.name for one, _ in filters]
    computed = [key for key in COMPUTED_KEYS if key.needs in names]
    return Sort(computed[-1]) if computed else SORT_DEFAULT


@dataclass(frozen=True)
class ListingQuery:
    """One page of the catalogue."""

    filters: Filters = NO_FILTERS
    sort: Sort = SORT_DEFAULT
    limit: int = LIMIT_DEFAULT
    position: Position | None = None

    @cached_property
    def question(self) -> str:
        """Canonical text of filters and sort: what a cursor is made for. The default sort is left out."""
        texts = self.filters.texts()
        if self.sort != default_sort(self.filters):
            texts.append(("sort", str(self.sort)))
        return escaped(texts)

    @cached_property
    def first_page(self) -> str:
        """Canonical text of all but the position: a query string that asks the question. Defaults are left out."""
        if self.limit == LIMIT_DEFAULT:
            return self.question
        return f"{self.question}&limit={self.limit}".lstrip("&")

    def canonical(self) -> str:
        """Canonical text of the whole question: the cache key. Equal exactly when the questions are equal."""
        if self.position is None:
            return self.first_page
        value, row_id, backward = self.position
        place = f"{'before' if backward else 'after'}={quote(orjson.dumps(value), safe='')},{row_id}"
        return f"{self.first_page}&{place}".lstrip("&")


def escaped(texts: Iterable[tuple[str, str]]) -> str:
    """A query string of parameters. A comma within a text needs no escape; what separates texts has one."""
    return "&".join([f"{name}={quote(text, safe=',')}" for name, text in texts])
