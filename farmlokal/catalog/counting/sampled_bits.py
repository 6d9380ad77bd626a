"""Counting sampled products by bits: what passes a filter, or has a value, is one whole number with a bit for each.

The sample of a million products is 32,768 rows, so such a number takes 4 KB, and counting what two have in common a
microsecond or two. Looking at each row takes a thousand times as long, and is done once for each facet. A filter by a
facet's values is made of its numbers; a range of prices is bits in a row, for rows are numbered in that order; and what
was looked for of another filter is kept: filters come again, alone and beside others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from farmlokal.catalog.counting.ranges import groups_of
from farmlokal.catalog.planning.cost import Span, within
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.stepwise import Steps
from farmlokal.catalog.question.facets import FACETS, Facet
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.sorts import PRICE

# Of the orders that filters ask ranges of, the one of which they do it most.
_NUMBERED_BY = PRICE
# So many rows are looked at in a millisecond at most.
_ROWS_PER_STEP = 4096
# Of filters, with their values: 2 MB.
_KEPT_MAX = 512


class Tally(NamedTuple):
    """How many products pass; and, by facet, how many of these have each value or lie in each band, where some do."""

    total: int
    values: Mapping[Facet, Mapping[Any, int]]


class SampledBits:
    """The products of a sample, each of which is a bit."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._rows = sample.by_sort[_NUMBERED_BY.name].numbers
        self._of_filters: dict[tuple[Filter, Any], int] = {}
        self._of_facets: dict[Facet, dict[Any, int]] = {}

    def __repr__(self) -> str:
        return f"<SampledBits filters={len(self._of_filters)} {self.sample!r}>"

    def tally(self, filters: Filters, facets: Sequence[Facet]) -> Steps[Tally]:
        """Count the products that pass `filters`, in steps between which requests are answered."""
        passed = (1 << len(self._rows)) - 1
        for each in filters:
            passed &= yield from self._of_filter(each)
        values: dict[Facet, dict[Any, int]] = {}
        for facet in facets:
            with_values = yield from self._of_facet(facet)
            numbers = ((value, (passed & bits).bit_count()) for value, bits in with_values.items())
            values[facet] = {value: number for value, number in numbers if number}
            yield
        return Tally(passed.bit_count(), values)

    def _of_filter(self, each: tuple[Filter, Any]) -> Steps[int]:
        """The products that pass one filter."""
        one, value = each
        bounds, groups = one.bounds(value), groups_of(one, value)
        if bounds is not None and bounds.sort == _NUMBERED_BY.name:
            span = within(Span(self._rows), bounds, self.sample)
            return (1 << max(span.start, span.stop)) - (1 << span.start)
        for facet in FACETS:
            if groups and not facet.edges and facet.column is one.columns[0]:
                with_values = yield from self._of_facet(facet)
                return reduce(or_, [with_values.get(group, 0) for group in groups])
        known = self._of_filters.get(each)
        if known is None:
            passing = one.row_test(value, self.sample.columns)
            passed: list[int] = []
            for piece in self._pieces():
                passed += passing(zip(piece, self._rows[piece.start : piece.stop], strict=True))
                yield
            if len(self._of_filters) >= _KEPT_MAX:
                del self._of_filters[next(iter(self._of_filters))]
            known = self._of_filters[each] = self._bits(passed)
        return known

    def _of_facet(self, facet: Facet) -> Steps[dict[Any, int]]:
        """The products that have each of its values; without one they are in none."""
        known = self._of_facets.get(facet)
        if known is None:
            column = self.sample.columns[facet.column.name]
            by_value = defaultdict[Any, list[int]](list)
            for piece in self._pieces():
                codes = map(column.codes.__getitem__, self._rows[piece.start : piece.stop])
                values = facet.keys(map(column.value_of, codes))
                for number, value in zip(piece, values, strict=True):
                    by_value[value].append(number)
                yield
            by_value.pop(None, None)
            known = {}
            for value, numbers in by_value.items():
                known[value] = self._bits(numbers)
                yield
            self._of_facets[facet] = known
        return known

    def _bits(self, numbers: Iterable[int]) -> int:
        """The rows with these numbers."""
        bits = bytearray(len(self._rows) // 8 + 1)
        for number in numbers:
            bits[number >> 3] |= 1 << (number & 7)
        return int.from_bytes(bits, "little")

    def _pieces(self) -> Iterator[range]:
        for start in range(0, len(self._rows), _ROWS_PER_STEP):
            yield range(start, min(start + _ROWS_PER_STEP, len(self._rows)))
