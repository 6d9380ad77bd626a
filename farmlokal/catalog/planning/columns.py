"""Sampled columns: of each product one number, in a few bytes.

A sample is looked at by numbers alone: a filter's value is turned into its code once, and then compared with those of
thousands of products. As objects the same values take six times the memory.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice, repeat
from operator import gt
from typing import Any, overload

from farmlokal.catalog.planning.stepwise import Steps, in_order
from farmlokal.catalog.question.storage import ID, Column, SampledRow
from farmlokal.catalog.question.table import QuestionTable

# What stands for None while a column is being filled.
_NOTHING = -(2**63)
# As text, so many different values take less in one string than in one each; to find one takes ten times as long.
_SEPARATE_MAX = 4096


class Texts(Sequence[str]):
    """Many different texts, as one: each by itself would take 50 bytes more."""

    __slots__ = ("_ends", "_joined")

    def __init__(self, texts: Sequence[str]) -> None:
        self._joined = "".join(texts)
        self._ends = array("I", accumulate(map(len, texts), initial=0))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return self._joined[self._ends[place] : self._ends[place + 1]]


class _ColumnBuilder:
    """Takes what a column holds of one row after another: either whole numbers or text, and None."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self._places: dict[str | None, int] = {}  # of texts, by their first appearance: they stand for them meanwhile

    def __repr__(self) -> str:
        return f"<_ColumnBuilder rows={len(self.numbers)} texts={len(self._places)}>"

    def extend(self, values: Sequence[Any]) -> None:
        """Take what further rows hold."""
        places = self._places
        try:
            self.numbers += array("q", values)
        except TypeError:
            if not places and str not in map(type, values):
                self.numbers.extend([_NOTHING if value is None else value for value in values])
                return
            if not places and self.numbers:  # of rows without a value
                self.numbers = array("q", [places.setdefault(None, 0)]) * len(self.numbers)
            self.numbers.extend([places.setdefault(value, len(places)) for value in values])

    def finished(self, order: Sequence[int]) -> Steps[Column]:
        """The column, its rows in this order; a range stands for the one in which they came.

        Whole numbers are their own codes, and texts have their ranks from 1.
        """
        numbers = self.numbers
        if not isinstance(order, range):
            numbers = array("q", map(numbers.__getitem__, order))
            yield
        different = set() if self._places else set(numbers).difference([_NOTHING])
        if different:
            least, greatest = min(different), max(different)
            if _NOTHING in numbers:
                numbers = array("q", [least - 1 if number == _NOTHING else number for number in numbers])
            codes = array(_typecode(least - 1, greatest), numbers)
            return Column(codes, range(least, greatest + 1), least, least - 1)
        texts = yield from in_order([text for text in self._places if text is not None])
        ranks = array(_typecode(0, len(texts)), [0]) * max(1, len(self._places))
        for rank, text in enumerate(texts, 1):
            ranks[self._places[text]] = rank
        yield
        codes = array(ranks.typecode, map(ranks.__getitem__, numbers if self._places else repeat(0, len(numbers))))
        return Column(codes, Texts(texts) if len(texts) > _SEPARATE_MAX else tuple(texts), 1, 0)


class DrawnRows:
    """Sampled rows as they are drawn, kept column by column."""

    def __init__(self, table: QuestionTable, rows: Iterable[SampledRow] = ()) -> None:
        self._builders = {column.name: _ColumnBuilder() for column in table.columns}
        self.extend(rows)

    def __repr__(self) -> str:
        return f"<DrawnRows {len(self)}>"

    def __len__(self) -> int:
        return len(self._builders[ID.name].numbers)

    def extend(self, rows: Iterable[SampledRow]) -> None:
        """Take further ones. Where there are none, no column has values."""
        for builder, values in zip(self._builders.values(), zip(*rows, strict=True), strict=False):
            builder.extend(values)

    def in_columns(self) -> Steps[dict[str, Column]]:
        """The columns by their names, the rows in the order of their ids. They are not kept here any longer."""
        ids = self._builders[ID.name].numbers
        order: Sequence[int] = range(len(ids))
        # A database that is asked for ids gives most often what it finds in their order.
        if any(map(gt, ids, islice(ids, 1, None))):
            order = yield from in_order(order, ids.__getitem__)
        columns: dict[str, Column] = {}
        for name in list(self._builders):
            columns[name] = yield from self._builders.pop(name).finished(order)
            yield
        return columns


def narrow(numbers: Sequence[int]) -> "array[int]":
    """The numbers as the narrowest kind of `array` that takes them."""
    return array(_typecode(min(numbers, default=0), max(numbers, default=0)), numbers)


def _typecode(least: int, greatest: int) -> str:
    """The narrowest type of `array` for numbers within these."""
    for typecode in "BbHhIi":
        bits = array(typecode).itemsize * 8
        low = 0 if typecode.isupper() else -(1 << bits - 1)
        if low <= least and greatest < low + (1 << bits):
            return typecode
    return "q"
