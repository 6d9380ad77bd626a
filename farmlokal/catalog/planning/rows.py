"""Rows of the sample: in the order of an index, all of them or those of each value."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from farmlokal.catalog.question.storage import Column, SampledRow


class Rows(Sequence[SampledRow]):
    """Sampled rows in some order. numbers: theirs in the sample, by which the planner looks at their columns.

    As a sequence it makes a tuple of each row that is taken: for whoever looks at few.
    """

    __slots__ = ("_columns", "numbers")

    def __init__(self, numbers: "array[int]", columns: Sequence[Column]) -> None:
        self.numbers = numbers
        self._columns = columns

    def __repr__(self) -> str:
        return f"<Rows {len(self)}>"

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> SampledRow: ...
    @overload
    def __getitem__(self, place: slice) -> "Rows": ...
    def __getitem__(self, place: int | slice) -> "SampledRow | Rows":
        if isinstance(place, slice):
            return Rows(self.numbers[place], self._columns)
        number = self.numbers[place]
        return tuple([column.value_of(column.codes[number]) for column in self._columns])


class Groups(Mapping[Any, Rows]):
    """The rows of each value of a column, in the order of an index.

    sorted_values: those that there are. starts: where the rows of each begin in `numbers`, and the end of the last.
    """

    __slots__ = ("_columns", "numbers", "sorted_values", "starts")

    def __init__(
        self, values: Sequence[Any], starts: Sequence[int], numbers: "array[int]", columns: Sequence[Column]
    ) -> None:
        self.sorted_values, self.starts, self.numbers = values, starts, numbers
        self._columns = columns

    def __repr__(self) -> str:
        return f"<Groups {len(self)} with {len(self.numbers)} rows>"

    def __len__(self) -> int:
        return len(self.sorted_values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.sorted_values)

    def __getitem__(self, value: Any) -> Rows:
        place = bisect_left(self.sorted_values, value)
        if place == len(self.sorted_values) or self.sorted_values[place] != value:
            raise KeyError(value)
        return Rows(self.numbers[self.starts[place] : self.starts[place + 1]], self._columns)
