"""The indexes that could answer a question, and how many entries each reads, judged by the sample."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from farmlokal.catalog.planning.disc import disc_around
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filter import Filter, codes_between
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE
from farmlokal.catalog.question.storage import ID, Bounds, Index

Passing = Callable[["array[int]"], Sequence[int]]
"""The numbers of sampled rows → the places among these of those that pass."""

# So many sampled rows that pass tell the density of a walk well enough.
_HITS_ENOUGH = 8
# A first hit this many times further off than the following are from each other is a cluster that lies ahead.
_CLUSTER_GAPS = 4
# Where what passes gathers, the page is found at the first cluster if enough hits show that it is one, and else the
# walk may be endless.
_CLUSTER_HITS_MIN = 3
# A sorted entry costs a little more than a walked one.
_SORTED_ENTRY = 1.2
# One whose row has to be read, for the value that it is sorted by or for a filter, costs several times as much.
_SORTED_ROW = 5.0
_WALKED_ROW = 4.0
# Sampled rows looked at to tell how many of a group pass, and at most along a walk: planning runs on the event loop.
_LOOKED_MAX = 256
_WALKED_MAX = 4096
# What most walks need; each further look is four times as long.
_FIRST_LOOK = 12


class Span:
    """The part of some sampled rows, in the order of an index, that a range of that index covers.

    rows: their numbers in the sample.
    """

    __slots__ = ("rows", "start", "stop")

    def __init__(self, rows: "array[int]", start: int = 0, stop: int | None = None) -> None:
        self.rows = rows
        self.start = start
        self.stop = len(rows) if stop is None else stop

    def __repr__(self) -> str:
        return f"<Span {self.start}:{self.stop} of {len(self.rows)}>"

    def __len__(self) -> int:
        return max(0, self.stop - self.start)


def row_filter(filters: Filters, sample: Sample) -> Passing:
    """A function that finds which of some sampled rows pass `filters`."""
    tests = [one.row_test(value, sample.columns) for one, value in filters]
    if not tests:
        return lambda rows: range(len(rows))
    first, *others = tests

    def passing(rows: "array[int]") -> Sequence[int]:
        places = first(enumerate(rows))
        for test in others:
            places = test(zip(places, map(rows.__getitem__, places), strict=True))
        return places

    return passing


def within(span: Span, bounds: Bounds, sample: Sample) -> Span:
    """The part of `span`, which has the order of the sort that `bounds` are of, that lies within them."""
    column = sample.columns[sample.table.sort_key(bounds.sort).sampled.name]
    return _between(span, *codes_between(column, bounds.low, bounds.high), column.codes)


def _between(span: Span, low: int, high: int, codes: Sequence[int]) -> Span:
    """The part of `span`, which has the order of `codes`, whose codes are `low` at least and `high` at most."""
    start = bisect_left(span.rows, low, span.start, span.stop, key=codes.__getitem__)
    return Span(span.rows, start, bisect_right(span.rows, high, start, span.stop, key=codes.__getitem__))


def matches(span: Span, passing: Passing) -> float:
    """How many rows of `span` pass, judged by at most 256 spread evenly over it; at least a half."""
    step = len(span) // _LOOKED_MAX + 1
    return max(0.5, step * len(passing(span.rows[span.start : span.stop : step])))


def sorting_cost(candidate: "Candidate", query: ListingQuery, sample: Sample) -> float:
    """The cost of reading and sorting the range of a candidate; none drawn may still be a few."""
    index, span = candidate.index, candidate.span
    entries = _SORTED_ENTRY * max(len(span), 0.5) / sample.share
    if query.sort.name not in index.lacks and covers(index, query.filters):
        return entries
    # The index itself leaves out what does not pass the filters that it covers: of that no row is read.
    covered = Filters([each for each in query.filters if each[0].covered_by(index)])
    return entries + (_SORTED_ROW - _SORTED_ENTRY) * matches(span, row_filter(covered, sample)) / sample.share


def covers(index: Index, filters: Filters) -> bool:
    """Whether an index holds the columns that `filters` look at."""
    return all(one.covered_by(index) for one, _ in filters)


def walking_cost(
    walk: "Candidate", query: ListingQuery, passing: Passing, *, narrowest: Span, sample: Sample, cost_max: float
) -> float:
    """The cost of walking a candidate, in the order of `query`'s sort, from its position until the page is full.

    narrowest: a span, of any index, that holds every row that passes. Looks no further than for a cost of `cost_max`:
    beyond it, the cost may be infinite.
    """
    entry = 1.0 if covers(walk.index, query.filters) else _WALKED_ROW
    return entry * _walked_entries(walk.span, query, passing, narrowest, sample, cost_max / entry)


def _walked_entries(
    span: Span, query: ListingQuery, passing: Passing, narrowest: Span, sample: Sample, cost_max: float
) -> float:
    wanted, share = query.limit + 1, sample.share
    past = _past(span, query, sample)
    found, looked, ended = _walk(*past, passing, looked_max=min(cost_max * share + _HITS_ENOUGH, _WALKED_MAX))
    hits, first = len(found), found[0] if found else 0
    to_end = max(looked, 0.5) / share if ended else float("inf")
    gathering = query.sort.key.gathers
    if gathering and hits < _CLUSTER_HITS_MIN:
        return to_end
    if hits == _HITS_ENOUGH and first > _CLUSTER_GAPS * (gap := max(1.0, (looked - first) / (hits - 1))):
        return min(to_end, first / share + wanted * gap)
    if hits < _HITS_ENOUGH:
        # Few hits may be luck, good or bad: the density of the whole span has the weight of one more hit.
        looked += round(len(span) / matches(narrowest, passing))
        hits += 1
    least = first / share if gathering and hits < _HITS_ENOUGH else wanted
    return min(to_end, max(wanted * looked / hits, least))


def _walk(span: Span, descending: bool, passing: Passing, *, looked_max: float) -> tuple[list[int], int, bool]:
    """A walk of `span` until enough rows pass: their numbers from 1, rows looked at, whether all were.

    descending: from its end.
    """
    start, stop = span.start, span.stop
    to_look = min(stop - start, math.ceil(looked_max))
    found: list[int] = []
    looked, size = 0, _FIRST_LOOK
    while looked < to_look and len(found) < _HITS_ENOUGH:
        size = min(size, to_look - looked)
        if descending:
            rows = span.rows[stop - looked - size : stop - looked][::-1]
        else:
            rows = span.rows[start + looked : start + looked + size]
        found += [looked + number + 1 for number in passing(rows)]
        looked += size
        size *= 4
    if len(found) >= _HITS_ENOUGH:
        del found[_HITS_ENOUGH:]
        looked = found[-1]
    return found, looked, looked >= stop - start


def _past(span: Span, query: ListingQuery, sample: Sample) -> tuple[Span, bool]:
    """The rows of `span` past the position, and whether a scan meets them from the end."""
    position, sort = query.position, query.sort
    descending = sort.descending != bool(position and position.backward)
    if position is None:
        return span, descending
    column = sample.columns[sort.key.sampled.name]
    ties = _between(span, *codes_between(column, position.value, position.value), column.codes)
    # Rows that tie are in the order of their numbers, which is that of their ids.
    ids = sample.columns[ID.name].codes
    if descending:
        end = bisect_left(span.rows, bisect_left(ids, position.id), ties.start, ties.stop)
        return Span(span.rows, span.start, end), True
    start = bisect_left(span.rows, bisect_right(ids, position.id), ties.start, ties.stop)
    return Span(span.rows, start, span.stop), False


@dataclass(slots=True)
class Candidate:
    """An index, and the sampled rows within the range that the filters make of it.

    bounded: whether it is a range of the index, or several, and not all of it. cells: the ranges of cells that it is,
    if it is. in_order: whether a scan meets its rows in the index's order.
    """

    index: Index
    span: Span
    bounded: bool
    cells: tuple[tuple[int, int], ...] = ()
    in_order: bool = True


Joined = dict[tuple[str, Sequence[object]], Span]
"""The ranges of an index that several values make, as one: by the index's name and the values."""


def candidates(
    filters: Filters, sample: Sample, of_everything: Sequence[Candidate] = (), joined: Joined | None = None
) -> list[Candidate]:
    """Every index that one of `filters` makes a range of, and last those of everything.

    of_everything: the last ones, where they are known: they depend on the bounds of the filters alone. joined: what
    is remembered between filters with the same bounds; several values may have a good part of the sample.
    """
    joined = {} if joined is None else joined
    bounds = _bounds(filters)
    found = []
    for one, groups in _groups(filters):
        for index in one.indexes:
            if len(groups) == 1:
                span = _within(group_span(index, groups[0], sample), index.sort, bounds, sample)
                found.append(Candidate(index, span, True))
                continue
            # Its values are the order's first part, or the rows of each are in an order of their own.
            in_order = sample.table.sort_key(index.sort).sampled is one.columns[0]
            if in_order or index.sortable:
                if (index.name, groups) not in joined:
                    parts = [_within(group_span(index, group, sample), index.sort, bounds, sample) for group in groups]
                    joined[index.name, groups] = _joined(parts)
                found.append(Candidate(index, joined[index.name, groups], True, in_order=in_order))
    found += of_everything or candidates_of_everything(filters, sample)
    return found


def candidates_of_everything(filters: Filters, sample: Sample) -> list[Candidate]:
    """The indexes of everything, one for each sort; and the disc, where one is asked for."""
    bounds = _bounds(filters)
    found = []
    for key in sample.table.sort_keys:
        span = _within(Span(sample.by_sort[key.name].numbers), key.name, bounds, sample)
        found.append(Candidate(key.index, span, key.name in bounds))
    near = filters.get(NEAR)
    disc = None if near is None else disc_around(near, sample)
    if disc is not None:
        found.append(Candidate(DISTANCE.index, Span(disc.rows), True, disc.ranges))
    return found


def group_span(index: Index, group: Any, sample: Sample) -> Span:
    """The rows that the index of a filter holds of one value."""
    groups = sample.of_index[index.name]
    values, starts = groups.sorted_values, groups.starts
    place = bisect_left(values, group)
    held = place < len(values) and values[place] == group
    return Span(groups.numbers, starts[place], starts[place + held])


def bounded_sorts(filters: Filters) -> set[str]:
    """The names of the sorts of whose values `filters` leave over a range."""
    return set(_bounds(filters))


def _bounds(filters: Filters) -> dict[str, Bounds]:
    found = [bounds for one, value in filters if (bounds := one.bounds(value)) is not None]
    return {bounds.sort: bounds for bounds in found}


def _groups(filters: Filters) -> Iterator[tuple[Filter, Sequence[object]]]:
    """The filters that have indexes, and their values in them; the narrowest first."""
    for one, value in sorted([each for each in filters if each[0].indexes], key=lambda each: -each[0].narrowness):
        groups = one.groups(value)
        if groups:
            yield one, groups


def _joined(parts: Sequence[Span]) -> Span:
    """The rows of several spans of one index, one after another."""
    rows = parts[0].rows[:0]
    for part in parts:
        rows += part.rows[part.start : part.stop]
    return Span(rows)


def _within(span: Span, sort: str, bounds: dict[str, Bounds], sample: Sample) -> Span:
    bound = bounds.get(sort)
    return span if bound is None else within(span, bound, sample)
