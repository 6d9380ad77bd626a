"""What a filter is: a row of the table of filters.

A filter is asked for by one parameter or by several, has one value, and may look at any number of columns: what is
derived of it (the parser, canonical text, SQL, the planner) goes through the methods of `Filter` alone.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.storage import Bounds, Column, Columns, Index, SampledColumn
from farmlokal.database.dialect import Dialect

# SQL with `%s` marks, and what goes in their places.
Condition = tuple[str, tuple[object, ...]]
# Sampled rows, each with its place among those looked at and its number in the sample → the places of those that pass.
# One pass over many rows, not a call for each: thousands are looked at, on the event loop.
RowTest = Callable[[Iterable[tuple[int, int]]], list[int]]
Bind = Callable[[Any, Dialect], object]


class Contradiction(ValueError):
    """The values of a filter's parameters exclude each other, or one of them is missing.

    parameter: the one to blame. detail: what is allowed. needs: the parameter that is missing.
    """

    def __init__(self, parameter: str, detail: str, *, needs: str | None = None) -> None:
        super().__init__(f"{parameter} {detail}")
        self.parameter = parameter
        self.detail = detail
        self.needs = needs


def as_it_is(value: Any, _: Dialect) -> object:
    """What is bound for a value that every backend stores as it is asked for."""
    return value


def as_number(flag: bool, _: Dialect) -> object:
    """What is bound for a flag: 1 or 0."""
    return int(flag)


def as_price(paise: int, dialect: Dialect) -> object:
    """What is bound for a price."""
    return dialect.price_in(paise)


def codes_between(column: Column, low: Any, high: Any) -> tuple[int, int]:
    """The least and the greatest code of values that are not less than `low` and not greater than `high`."""
    values, before = column.values, column.missing
    return bisect_left(values, low) + before + 1, bisect_right(values, high) + before


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Filter(ABC):
    """One row of the table of filters.

    indexes: those that hold the rows of one value of it together. narrowness: of two filters with indexes, the one that
    is usually passed by fewer products has the higher one, and its indexes are considered first. derived: whether it
    looks at derived columns, which are incomplete beside a release that does not write them. excludes: parameters that
    may not be given beside it.
    """

    name: str
    indexes: tuple[Index, ...] = ()
    narrowness: int = 0
    derived: bool = False
    excludes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    @abstractmethod
    def parameters(self) -> tuple[QuestionParameter, ...]:
        """What it is asked for by."""

    @property
    @abstractmethod
    def columns(self) -> tuple[SampledColumn, ...]:
        """The sampled columns that it looks at. The rows in its indexes go together by the first."""

    @abstractmethod
    def read(self, values: Mapping[str, Any]) -> Any:
        """The filter's value, one for all that ask the same; None where that is nothing, or every product passes.

        values: of all parameters that were given, by name, as their forms read them. Raises Contradiction.
        """

    @abstractmethod
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        """The parameters that ask for `value`, each with its canonical text: no other value has the same."""

    @abstractmethod
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        """SQL that holds for the products that pass. Whatever varies within one shape of question is bound."""

    @abstractmethod
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        """The same for sampled rows. columns: what these have in each."""

    def covered_by(self, index: Index) -> bool:
        """Whether an index holds the columns that it looks at: else rows are read for them."""
        return True

    def group(self, value: Any) -> Any:
        """What the first column holds in every row that passes, where that is one value: a range of each index."""
        return None

    def groups(self, value: Any) -> Sequence[Any]:
        """What it holds in the rows that pass, sorted, where that is one of few values: a range of each index each."""
        one = self.group(value)
        return () if one is None else (one,)

    def bounds(self, value: Any) -> Bounds | None:
        """The values of a sort that can pass, where they are a range: one of every index in that sort's order."""
        return None

    def parts(self, value: Any) -> Sequence[Any]:
        """Values that together ask for what `value` does and have no product in common; none, or two at least."""
        return ()
