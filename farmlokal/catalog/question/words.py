"""What is asked for in words: as it is asked, and as the names that were found for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from typing_extensions import override

from farmlokal.catalog.question import forms, storage
from farmlokal.catalog.question.filter import Condition, Filter, RowTest
from farmlokal.catalog.question.filter_kinds import any_of
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.storage import Columns, Index, SampledColumn
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.database.dialect import Dialect
from farmlokal.database.padding import padded

# As many scans of their own are merged; more names are walked past, or sorted. Each costs a statement some 80 µs.
_MERGED_NAMES_MAX = 20
# MariaDB makes a temporary table of longer lists, and joins it.
NAMES_MAX = 900


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class InWords(Filter):
    """What was understood of words. Its value is an Interpretation; products are found by its names, see `AnyOf`."""

    parameter: QuestionParameter

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return (self.parameter,)

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return ()

    @override
    def read(self, values: Mapping[str, Any]) -> Any:
        return values.get(self.parameter.name)

    @override
    def texts(self, value: Interpretation) -> Sequence[tuple[str, str]]:
        return ((self.parameter.name, value.asking),)

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        raise TypeError("words are found by their names")

    @override
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        raise TypeError("words are found by their names")


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class AnyOf(Filter):
    """A column that holds one of several values, for which nobody asks directly. Its value is a sorted tuple of them.

    merged_max: of how many values the scans are merged. ordering: whether it is for questions sorted by that column.
    """

    column: SampledColumn
    merged_max: int = 0
    ordering: bool = False

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return ()

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return (self.column,)

    @override
    def read(self, values: Mapping[str, Any]) -> None:
        return None

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        return ()

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        if len(value) == 1 and self.ordering:
            # MariaDB sorts all that equals a text, for texts that are equal may differ at their ends: it takes no index
            # for ordered by a column that is held to one. A range of one it walks.
            return f"{self.column.name} >= %s AND {self.column.name} <= %s", value * 2
        values = padded(value, NAMES_MAX)
        return _any_of_sql(self.column.name, len(values)), tuple(values)

    @override
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        return any_of(value, columns[self.column.name])

    @override
    def groups(self, value: Any) -> Sequence[Any]:
        return tuple(value)

    @override
    def parts(self, value: Any) -> Sequence[Any]:
        return [(one,) for one in value] if 1 < len(value) <= self.merged_max else ()


@lru_cache
def _any_of_sql(column: str, count: int) -> str:
    return f"{column} IN ({', '.join(['%s'] * count)})" if count > 1 else f"{column} = %s"


WORDS = InWords(
    name="words",
    parameter=QuestionParameter(
        "q", forms.WORDS, "what to look for, in the words, language and script that people use", "tamatar"
    ),
    derived=True,
)
# Where categories are asked for beside it, they are those of the names.
NAMED = AnyOf(
    name="named",
    column=storage.NAME_ID,
    indexes=(Index("listing_of_name", "created_at", sortable=True),),
    narrowness=4,
    merged_max=_MERGED_NAMES_MAX,
    derived=True,
)
# Beside NAMED where names are what is sorted by: the index of everything by name is then one range for each of them.
NAME_KEYS = AnyOf(
    name="name_keys",
    column=storage.NAME_KEY,
    indexes=(Index("listing_by_name", "name", lacks=("rating",)),),
    narrowness=5,
    ordering=True,
)
