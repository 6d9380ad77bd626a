"""The kinds of filters that the rows of the table of filters are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from typing_extensions import override

from farmlokal.catalog.question.filter import Bind, Condition, Contradiction, Filter, RowTest, as_it_is, codes_between
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.storage import ID, Bounds, Column, Columns, Index, SampledColumn
from farmlokal.database.dialect import Dialect


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class _OneParameter(Filter):
    """A filter by one parameter on one column, which is sampled under the name that it is stored under."""

    parameter: QuestionParameter
    column: SampledColumn

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return (self.parameter,)

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Equality(_OneParameter):
    """A column that holds exactly the value asked for.

    bind: value, dialect → what the column holds for it.
    """

    bind: Bind = as_it_is

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
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        return any_of((value,), columns[self.column.name])

    @override
    def group(self, value: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class InRows(Equality):
    """The same for a column that no index holds: the rows of all that passes the other filters are read for it."""

    @override
    def covered_by(self, index: Index) -> bool:
        return False


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class _AnyOf(_OneParameter):
    """A column that holds one of the values that are the filter's own."""

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        return _one_of_sql(self.column.name, len(value)), value

    @override
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        return any_of(value, columns[self.column.name])


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class OneOf(_AnyOf):
    """A column that holds one of several values. Its value is a sorted tuple of them, no two alike.

    every: all values that the column may hold, where they are known: to ask for each of them is to ask for nothing.
    """

    every: tuple[str, ...] = ()

    @override
    def read(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        asked = values.get(self.parameter.name)
        if not asked:
            return None
        different = set(asked)
        return None if len(different) == len(self.every) else tuple(sorted(different))

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        texts, several = list(map(self.parameter.form.text, value)), self.parameter.several
        together = several is not None and several.commas
        return [(self.parameter.name, text) for text in ([",".join(texts)] if together else texts)]

    @override
    def group(self, value: Any) -> Any:
        return value[0] if len(value) == 1 else None

    @override
    def groups(self, value: Any) -> Sequence[Any]:
        return tuple(value)

    @override
    def parts(self, value: Any) -> Sequence[Any]:
        return [(one,) for one in value] if len(value) > 1 else ()


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Picked(_AnyOf):
    """Products by their ids. Its value is a tuple of them in the order in which they are asked for, no two alike."""

    column: SampledColumn = ID

    @override
    def read(self, values: Mapping[str, Any]) -> tuple[int, ...] | None:
        return tuple(dict.fromkeys(values.get(self.parameter.name, ()))) or None

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        return ((self.parameter.name, ",".join(map(self.parameter.form.text, value))),)


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
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        column = columns[self.column.name]
        codes, (low, high) = column.codes, codes_between(column, *_ends(value))
        return lambda rows: [place for place, number in rows if low <= codes[number] <= high]

    @override
    def covered_by(self, index: Index) -> bool:
        return self.sort not in index.lacks

    @override
    def bounds(self, value: Any) -> Bounds | None:
        return None if self.sort is None else Bounds(self.sort, *_ends(value))


def any_of(values: Sequence[Any], column: Column) -> RowTest:
    """What finds the rows that have one of these values in a column."""
    codes, found = column.codes, [codes_between(column, value, value) for value in values]
    # One that no row has begins behind its end.
    wanted = frozenset([first for first, last in found if first == last])
    if len(wanted) == 1:
        (only,) = wanted
        return lambda rows: [place for place, number in rows if codes[number] == only]
    return lambda rows: [place for place, number in rows if codes[number] in wanted]


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
