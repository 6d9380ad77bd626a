"""How many of the sampled rows in a square pass filters: looked at, or remembered for filters that come again."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from farmlokal.catalog.planning.columns import narrow
from farmlokal.catalog.planning.cost import Span, row_filter
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.squares import Square
from farmlokal.catalog.question.query import Filters

Counting = Callable[[Square], int]
"""How many of the sampled rows in a square pass."""

# Finding every sampled row that passes takes up to a millisecond, and keeping where they are 64 KB at most: for what
# was asked before.
_ASKED_AGAIN = 2


class PassedRows:
    """The sampled rows that pass `filters`. among: rows of which no other one passes."""

    def __init__(self, filters: Filters, sample: Sample, among: Span) -> None:
        self._sample, self._among = sample, among
        self._passing = row_filter(filters, sample)
        self._asked = 0
        self._places: Sequence[int] = ()  # of those that pass, among all by place

    def __repr__(self) -> str:
        return f"<PassedRows asked={self._asked} known={len(self._places)}>"

    def counting(self) -> Counting:
        """What counts them, for one more question."""
        self._asked += 1
        if self._asked < _ASKED_AGAIN:
            return self._look
        if self._asked == _ASKED_AGAIN:
            rows, place_of = self._among.rows[self._among.start : self._among.stop], self._sample.place_of
            self._places = narrow(sorted([place_of[rows[number]] for number in self._passing(rows)]))
        return self._remembered

    def _look(self, square: Square) -> int:
        return len(self._passing(self._sample.by_place.numbers[square.start : square.stop]))

    def _remembered(self, square: Square) -> int:
        return bisect_left(self._places, square.stop) - bisect_left(self._places, square.start)
