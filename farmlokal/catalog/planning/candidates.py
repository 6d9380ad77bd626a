"""The indexes that could answer a question, and the sampled rows that each would lead through."""

from collections.abc import Sequence
from dataclasses import dataclass

from farmlokal.catalog.planning.cost import Span, in_price_range
from farmlokal.catalog.planning.sample import Rows, Sample
from farmlokal.catalog.question.query import Filters

BY_SORT = {
    "created_at": "products_by_created_at",
    "price": "products_by_price",
    "name": "products_by_name",
    "rating": "products_by_rating",
}
_OF_CATEGORY_BY_SORT = {
    "created_at": "products_of_category_by_created_at",
    "price": "products_of_category_by_price",
    "name": "products_of_category_by_name",
}
# The filters' indexes that hold the columns of every sort: what they find can be sorted without leaving them.
SORTABLE = frozenset(
    {
        "products_of_category_by_price",
        "products_of_district",
        "products_of_state",
        "products_of_farm_by_price",
    }
)
_OF_FARM_BY_SORT = {"price": "products_of_farm_by_price", "name": "products_of_farm_by_name"}


@dataclass(slots=True)
class Candidate:
    """An index, the sort whose order it has, and the sampled rows within the range that the filters make of it."""

    index: str
    sort: str
    span: Span


def candidates(filters: Filters, sample: Sample, of_everything: Sequence[Candidate] = ()) -> list[Candidate]:
    """Every index that one of `filters` makes a range of, and last those of everything.

    of_everything: the last ones, where they are known: they depend on the price range alone.
    """
    found = []
    if filters.farm_id is not None:
        for sort, index in _OF_FARM_BY_SORT.items():
            found.append(_candidate(index, sort, sample.of_farm[sort].get(filters.farm_id, ()), filters))
    if filters.district_key is not None:
        rows = sample.of_district.get(filters.district_key, ())
        found.append(Candidate("products_of_district", "created_at", Span(rows)))
    if filters.state_key is not None:
        rows = sample.of_state.get(filters.state_key, ())
        found.append(Candidate("products_of_state", "created_at", Span(rows)))
    if len(filters.categories) == 1:
        for sort, index in _OF_CATEGORY_BY_SORT.items():
            found.append(_candidate(index, sort, sample.of_category.get((filters.categories[0], sort), ()), filters))
    found += of_everything or candidates_of_everything(filters, sample)
    return found


def candidates_of_everything(filters: Filters, sample: Sample) -> list[Candidate]:
    """The indexes of everything, one for each sort."""
    return [_candidate(index, sort, sample.by_sort[sort], filters) for sort, index in BY_SORT.items()]


def _candidate(index: str, sort: str, rows: Rows, filters: Filters) -> Candidate:
    return Candidate(index, sort, in_price_range(rows, filters) if sort == "price" else Span(rows))
