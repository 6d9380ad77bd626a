"""The ranges of indexes that hold all products that pass some filters, and how many entries each has, by the sample."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from farmlokal.catalog.planning.cost import Span, group_span, within
from farmlokal.catalog.planning.disc import disc_around
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.sorts import DISTANCE
from farmlokal.catalog.question.storage import Bounds, Index
from farmlokal.catalog.question.words import NAMES_MAX


class Range(NamedTuple):
    """A range of an index, or several.

    through: the index. made_by: the filters that make it. sampled: how many sampled products are in it. cells: those
    that it is made of, if it is: they cover a disc, and what lies in them need not lie in it.
    """

    through: Index
    made_by: Filters
    sampled: int
    cells: tuple[tuple[int, int], ...] = ()

    @property
    def passed(self) -> Filters:
        """The filters that all in it pass."""
        return Filters() if self.cells else self.made_by

    def serves(self, filters: Filters) -> bool:
        """Whether it holds all that passes `filters`."""
        return all(each in filters for each in self.made_by)


def narrowest(filters: Filters, sample: Sample) -> Range:
    """Of the ranges that hold all that passes `filters`, the one with the fewest entries.

    Only such indexes count as have the columns of every filter and sort, and so of every facet.
    """
    return min(_ranges(filters, sample), key=lambda one: one.sampled)


def _ranges(filters: Filters, sample: Sample) -> Iterator[Range]:
    bounds = {found.sort: ((one, value), found) for one, value in filters if (found := one.bounds(value)) is not None}
    for one, value in filters:
        groups = groups_of(one, value)
        if not 0 < len(groups) <= NAMES_MAX:
            continue
        for index in [index for index in one.indexes if index.sortable]:
            bounding, bound = bounds.get(index.sort, (None, None))
            made_by = Filters([(one, value)] if bounding is None else [(one, value), bounding])
            spans = [group_span(index, group, sample) for group in groups]
            yield Range(index, made_by, sum([_within(span, bound, sample) for span in spans]))
    for key in [key for key in sample.table.sort_keys if key.index.sortable]:
        bounding, bound = bounds.get(key.name, (None, None))
        made_by = Filters() if bounding is None else Filters([bounding])
        yield Range(key.index, made_by, _within(Span(sample.by_sort[key.name].numbers), bound, sample))
    near = filters.get(NEAR)
    disc = None if near is None else disc_around(near, sample)
    if disc is not None:
        yield Range(DISTANCE.index, Filters([(NEAR, near)]), len(disc.rows), disc.ranges)


def groups_of(one: Filter, value: Any) -> Sequence[Any]:
    """The values of a filter's column whose ranges hold all that passes it; none where it has no such."""
    return one.groups(value) or [group for part in one.parts(value) for group in one.groups(part)]


def _within(span: Span, bound: Bounds | None, sample: Sample) -> int:
    return len(span if bound is None else within(span, bound, sample))
