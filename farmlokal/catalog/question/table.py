"""The whole table of what may be asked: the rows of filters and sorts, and what is derived of all of them together."""

from collections.abc import Mapping, Sequence
from typing import Any

from farmlokal.catalog.question import storage
from farmlokal.catalog.question.filter import Contradiction, Filter
from farmlokal.catalog.question.filters import FILTERS
from farmlokal.catalog.question.forms import CURSOR, one_of, whole
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.query import LIMIT_DEFAULT, LIMIT_MAX, Filters, default_sort
from farmlokal.catalog.question.sorts import COMPUTED_KEYS, SORT_DEFAULT, SORT_KEYS, Sort, SortKey, sorts_of


class Contradictions(ValueError):
    """Parameters that exclude each other; all of them."""

    def __init__(self, found: Sequence[Contradiction]) -> None:
        super().__init__("; ".join(map(str, found)))
        self.found = tuple(found)


class QuestionTable:
    """What the parser, the document, the planner and its sample are made of.

    filters: the rows of filters, in the order in which they are listed and written. sort_keys: the rows of sorts by a
    column. sorts: every order, those that are computed too, by the text that asks for it. parameters: every parameter,
    by its name. filter_parameters: those of filters that products are counted by, too.
    columns: what is sampled of a product. places: by a column's name, where it stands in a sampled row.
    """

    def __init__(self, filters: Sequence[Filter] = FILTERS, sort_keys: Sequence[SortKey] = SORT_KEYS) -> None:
        self.filters = tuple(filters)
        self._names = [(one, {parameter.name for parameter in one.parameters}) for one in self.filters]
        self.sort_keys = tuple(sort_keys)
        self._needed = {key: one for key in COMPUTED_KEYS for one in self.filters if one.name == key.needs}
        self.sorts = sorts_of([*sort_keys, *self._needed])
        self._sort_keys_by_name = {key.name: key for key in sort_keys}
        self.parameters = {one.name: one for one in (*self._filter_parameters(), *self._page_parameters())}
        # What excludes orders and pages names products, and counts none.
        self.filter_parameters = {
            parameter.name: parameter for one in self.filters if not one.excludes for parameter in one.parameters
        }
        of_sorts = [key.sampled for key in sort_keys]
        of_filters = [column for one in filters for column in one.columns]
        self.columns = tuple(dict.fromkeys([storage.ID, *of_sorts, *of_filters]))
        self.places = {column.name: place for place, column in enumerate(self.columns)}

    def __repr__(self) -> str:
        return f"<QuestionTable filters={len(self.filters)} sorts={len(self.sorts)}>"

    def sort_key(self, name: str) -> SortKey:
        """The row of the sort with this name."""
        return self._sort_keys_by_name[name]

    def filters_of(self, values: Mapping[str, Any]) -> Filters:
        """The filters that parameters ask for. values: by name, as their forms read them. Raises Contradictions."""
        asked: list[tuple[Filter, Any]] = []
        contradictions: list[Contradiction] = []
        for one, names in self._names:
            if names.isdisjoint(values):
                continue
            try:
                value = one.read(values)
            except Contradiction as error:
                contradictions.append(error)
            else:
                if value is not None:
                    asked.append((one, value))
                    beside = [name for name in one.excludes if name in values]
                    contradictions += [Contradiction(name, f"must not be given with {one.name}") for name in beside]
        if contradictions:
            raise Contradictions(contradictions)
        return Filters(asked)

    def sort_of(self, values: Mapping[str, Any], filters: Filters) -> Sort:
        """The order that parameters ask for. values: as those of `filters_of`. Raises Contradiction."""
        sort: Sort | None = values.get("sort")
        if sort is None:
            return default_sort(filters)
        needed = self._needed.get(sort.key)
        if needed is not None and filters.get(needed) is None:
            name = needed.parameters[0].name
            raise Contradiction("sort", f"needs {name} for {sort}", needs=name)
        return sort

    def _filter_parameters(self) -> list[QuestionParameter]:
        return [parameter for one in self.filters for parameter in one.parameters]

    def _page_parameters(self) -> tuple[QuestionParameter, ...]:
        """What any question has beside its filters."""
        return (
            QuestionParameter(
                "sort",
                one_of(self.sorts),
                "the order; a leading - turns it round; if none is asked for, with q relevance, with near distance",
                "-rating",
                default=str(SORT_DEFAULT),
            ),
            QuestionParameter("limit", whole(1, LIMIT_MAX), "products per page", 50, default=LIMIT_DEFAULT),
            QuestionParameter("cursor", CURSOR, "next_cursor or prev_cursor of a page of the same filters and sort"),
        )


# What this service's callers may ask.
TABLE = QuestionTable()
