"""The indexes that could answer a question, and the sampled rows that each would lead through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from farmlokal.catalog.planning.cost import Span, within
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.storage import Bounds, Index, Rows


@dataclass(slots=True)
class Candidate:
    """An index, and the sampled rows within the range that the filters make of it.

    bounded: whether it is a range of the index, and not all of it.
    """

    index: Index
    span: Span
    bounded: bool


def candidates(filters: Filters, sample: Sample, of_everything: Sequence[Candidate] = ()) -> list[Candidate]:
    """Every index that one of `filters` makes a range of, and last those of everything.

    of_everything: the last ones, where they are known: they depend on the bounds of the filters alone.
    """
    bounds = _bounds(filters)
    found = []
    for one, group in _groups(filters):
        for index in one.indexes:
            rows = sample.of_index[index.name].get(group, ())
            found.append(Candidate(index, _span(index, rows, bounds, sample), True))
    found += of_everything or candidates_of_everything(filters, sample)
    return found


def candidates_of_everything(filters: Filters, sample: Sample) -> list[Candidate]:
    """The indexes of everything, one for each sort."""
    bounds = _bounds(filters)
    return [
        Candidate(key.index, _span(key.index, sample.by_sort[key.name], bounds, sample), key.name in bounds)
        for key in sample.table.sort_keys
    ]


def bounded_sorts(filters: Filters) -> set[str]:
    """The names of the sorts of whose values `filters` leave over a range."""
    return set(_bounds(filters))


def _bounds(filters: Filters) -> dict[str, Bounds]:
    found = [bounds for one, value in filters if (bounds := one.bounds(value)) is not None]
    return {bounds.sort: bounds for bounds in found}


def _groups(filters: Filters) -> Iterator[tuple[Filter, object]]:
    """The filters that have indexes, and one value in them; the narrowest first."""
    for one, value in sorted([each for each in filters if each[0].indexes], key=lambda each: -each[0].narrowness):
        group = one.group(value)
        if group is not None:
            yield one, group


def _span(index: Index, rows: Rows, bounds: dict[str, Bounds], sample: Sample) -> Span:
    bound = bounds.get(index.sort)
    return Span(rows) if bound is None else within(rows, bound, sample.table)
