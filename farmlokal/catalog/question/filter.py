"""What a filter is, and the kinds of filters that rows of the table are made of.

A filter is asked for by one parameter or by several, has one value, and may look at any number of columns: what is
derived of it (the parser, canonical text, SQL, the planner) goes through the methods of `Filter` alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from typing_extensions import override

from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.storage import Bounds, Index, Places, Rows, SampledColumn
from farmlokal.database.dialect import Dialect

# SQL with `%s` marks, and what goes in their places.
Condition = tuple[str, tuple[object, ...]]
# Sampled rows, and the numbers of those that passed so far → the numbers of those that pass this filter too. One pass
# over many rows, not a call for each: thousands are looked at, on the event loop.
RowTest = Callable[[Rows, Sequence[int]], Sequence[int]]
Bind = Callable[[Any, Dialect], object]


class Contradiction(ValueError):
    """The values of a filter's parameters exclude each other. parameter: the one to blame. detail: what is allowed."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f"{parameter} {detail}")
        self.parameter = parameter
        self.detail = detail


def as_it_is(value: Any, _: Dialect) -> object:
    """What is bound for a value that every backend stores as it is asked for."""
    return value


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Filter(ABC):
    """One row of the table of filters.

    indexes: those that hold the rows of one value of it together. narrowness: of two filters with indexes, the one that
    is usually passed by fewer products has the higher one, and its indexes are considered first.
    """

    name: str
    indexes: tuple[Index, ...] = ()
    narrowness: int = 0

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
    def row_test(self, value: Any, places: Places) -> RowTest:
        """The same for sampled rows. places: where their columns stand."""

    def group(self, value: Any) -> Any:
        """What the first column holds in every row that passes, where that is one value: a range of each index."""
        return None

    def bounds(self, value: Any) -> Bounds | None:
        """The values of a sort that can pass, where they are a range: one of every index in that sort's order."""
        return None

    def parts(self, value: Any) -> Sequence[Any]:
        """Values that together ask for what `value` does and have no product in common; none, or two at least."""
        return ()


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Equality(Filter):
    """A column that holds exactly the value asked for.

    column: sampled under the name that it is stored under. bind: value, dialect → what the column holds for it.
    """

    parameter: QuestionParameter
    column: SampledColumn
    bind: Bind = as_it_is

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return (self.parameter,)

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return (self.column,)

    @override
    def read(self, values: Mapping[str, Any]) -> Any:
        return values.get(self.parameter.name)

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        return ((self.parameter.name, self.parameter.form.text(value)),)

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        return _equality_sql(self.column.name), (self.bind(value, dialect),)

    @override
    def row_test(self, value: Any, places: Places) -> RowTest:
        place = places[self.column.name]
        return lambda rows, numbers: [number for number in numbers if rows[number][place] == value]

    @override
    def group(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class OneOf(Filter):
    """A column that holds one of several values. Its value is a sorted tuple of them, no two alike.

    every: all values that the column may hold; to ask for each of them is to ask for nothing.
    """

    parameter: QuestionParameter
    column: SampledColumn
    every: tuple[str, ...]

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return (self.parameter,)

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return (self.column,)

    @override
    def read(self, values: Mapping[str, Any]) -> tuple[str, ...] | None:
        asked = values.get(self.parameter.name)
        if not asked:
            return None
        different = set(asked)
        return tuple(sorted(different)) if len(different) < len(self.every) else None

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        return ((self.parameter.name, ",".join(map(self.parameter.form.text, value))),)

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        return _one_of_sql(self.column.name, len(value)), value

    @override
    def row_test(self, value: Any, places: Places) -> RowTest:
        place, wanted = places[self.column.name], frozenset(value)
        return lambda rows, numbers: [number for number in numbers if rows[number][place] in wanted]

    @override
    def group(self, value: Any) -> Any:
        return value[0] if len(value) == 1 else None

    @override
    def parts(self, value: Any) -> Sequence[Any]:
        return [(one,) for one in value] if len(value) > 1 else ()


class Range(NamedTuple):
    """The least and the greatest value that pass; None for an open end."""

    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Between(Filter):
    """A column that lies within bounds, each with a parameter of its own where it has one. Its value is a Range.

    sql: the column where it is named otherwise than what is sampled of it. least: what no product lies below. sort: the
    name of the sort by that column.
    """

    column: SampledColumn
    low: QuestionParameter | None = None
    high: QuestionParameter | None = None
    sql: str = ""
    bind: Bind = as_it_is
    least: int = 0
    sort: str | None = None

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return tuple([one for one in (self.low, self.high) if one is not None])

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return (self.column,)

    @override
    def read(self, values: Mapping[str, Any]) -> Range | None:
        low = None if self.low is None else values.get(self.low.name)
        high = None if self.high is None else values.get(self.high.name)
        if low is None and high is None:
            return None
        if self.low and self.high and low is not None and high is not None and low > high:
            raise Contradiction(self.low.name, f"must not exceed {self.high.name}")
        if low is not None and low <= self.least:
            low = None
        return None if low is None and high is None else Range(low, high)

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        ends = ((self.low, value.low), (self.high, value.high))
        return [(one.name, one.form.text(end)) for one, end in ends if one is not None and end is not None]

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        ends = [self.bind(end, dialect) for end in value if end is not None]
        return _between_sql(self.sql or self.column.name, value.low is None, value.high is None), tuple(ends)

    @override
    def row_test(self, value: Any, places: Places) -> RowTest:
        place, (low, high) = places[self.column.name], _ends(value)
        return lambda rows, numbers: [
            number for number in numbers if (found := rows[number][place]) is not None and low <= found <= high
        ]

    @override
    def bounds(self, value: Any) -> Bounds | None:
        return None if self.sort is None else Bounds(self.sort, *_ends(value))


def _ends(value: Range) -> tuple[float, float]:
    low, high = value
    return float("-inf") if low is None else low, float("inf") if high is None else high


# Conditions are parts of a statement's shape, and compared with every question: the same one is the same object.
@lru_cache
def _equality_sql(column: str) -> str:
    return f"{column} = %s"


@lru_cache
def _one_of_sql(column: str, count: int) -> str:
    return f"{column} IN ({', '.join(['%s'] * count)})" if count > 1 else _equality_sql(column)


@lru_cache
def _between_sql(column: str, low_open: bool, high_open: bool) -> str:
    ends = [f"{column} {operator} %s" for operator, is_open in ((">=", low_open), ("<=", high_open)) if not is_open]
    return " AND ".join(ends)
