"""How many of the sampled rows in a square pass filters: looked at, or remembered for filters that come again."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence

from farmlokal.catalog.planning.cost import row_filter
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.query import Filters

Counting = Callable[[int, int], int]
"""From where to where of the sampled rows by place, without the end → how many of them pass."""

# Which sampled rows pass takes a millisecond to find, and up to 128 KB to keep: for what was asked before.
_ASKED_AGAIN = 2


class PassedRows:
    """The sampled rows that pass `filters`, by place."""

    def __init__(self, filters: Filters, sample: Sample) -> None:
        self._by_place = sample.by_place
        self._passing = row_filter(filters, sample.table)
        self._asked = 0
        self._numbers: Sequence[int] = ()

    def __repr__(self) -> str:
        return f"<PassedRows asked={self._asked} known={len(self._numbers)}>"

    def counting(self) -> Counting:
        """What counts them, for one more question."""
        self._asked += 1
        if self._asked < _ASKED_AGAIN:
            return self._look
        if self._asked == _ASKED_AGAIN:
            self._numbers = array("I", self._passing(self._by_place))
        return self._remembered

    def _look(self, start: int, stop: int) -> int:
        return len(self._passing(self._by_place[start:stop]))

    def _remembered(self, start: int, stop: int) -> int:
        return bisect_left(self._numbers, stop) - bisect_left(self._numbers, start)
