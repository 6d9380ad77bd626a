"""A sample's columns and orders say the same as its rows do."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from farmlokal.catalog.planning.columns import DrawnRows, Texts, narrow
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filter import codes_between
from farmlokal.catalog.question.filter_kinds import any_of
from farmlokal.catalog.question.storage import Column
from farmlokal.catalog.question.table import TABLE
from tests.catalog.questions import row_order, row_type

_WHOLE = st.one_of(st.integers(-5, 5), st.integers(-(2**31), 2**53))
_TEXT = st.text(st.sampled_from("ab\u0915\U0001f33d"), max_size=3)


@st.composite
def sampled_rows(draw: st.DrawFn) -> list[Any]:
    """Rows in any order; what products may lack is lacking now and then."""
    ids = draw(st.lists(st.integers(1, 2**40), unique=True, max_size=20))
    category, place = st.sampled_from(["eggs", "milk"]), st.one_of(st.none(), _TEXT)
    rows = []
    for row_id in ids:
        located = draw(st.booleans())
        values = {"id": row_id, "created_at": draw(_TEXT), "name_key": draw(_TEXT), "unit": draw(_TEXT)}
        values |= {
            name: draw(st.integers(0, 3)) for name in ("price_paise", "rating_key", "name_id", "in_stock", "organic")
        }
        values |= {"category": draw(category), "district_key": draw(place), "state_key": draw(place)}
        values["farm_id"] = draw(st.one_of(st.none(), st.integers(1, 3)))
        values |= {name: draw(_WHOLE) if located else None for name in ("cell", "x", "y", "z")}
        rows.append(row_type()(**values))
    return rows


@settings(max_examples=25)
@given(sampled_rows())
def test_orders_are_those_of_the_rows(rows: list[Any]) -> None:
    """Every order has all rows, sorted; every group those of its value; what has no place is nowhere."""
    sample = Sample(rows, 0.5)
    for key in TABLE.sort_keys:
        assert sorted(rows, key=row_order(key.name)) == list(sample.by_sort[key.name])
    for one in TABLE.filters:
        for index in one.indexes:
            place = TABLE.places[one.columns[0].name]
            ordered = sorted(rows, key=row_order(index.sort))
            held = {row[place] for row in rows if row[place] is not None}
            expected = {value: [row for row in ordered if row[place] == value] for value in held}
            assert expected == {value: list(group) for value, group in sample.of_index[index.name].items()}
    placed = sorted([row for row in rows if row.cell is not None], key=lambda row: (row.cell, row.id))
    assert placed == list(sample.by_place)
    assert [row.cell for row in placed] == list(sample.cells)


def column_of(values: Sequence[Any]) -> Column:
    """A column of rows that have these values."""
    drawn = DrawnRows(TABLE, [(number, *[value] * (len(TABLE.columns) - 1)) for number, value in enumerate(values)])
    steps = drawn.in_columns()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            column: Column = end.value["unit"]
            return column


@given(st.one_of(*[st.tuples(st.lists(st.one_of(st.none(), values)), values, values) for values in (_WHOLE, _TEXT)]))
def test_codes_are_compared_as_values_are(drawn: tuple[list[Any], Any, Any]) -> None:
    """A code for each value that there is, in the order of the values; None is less than all and equal to none."""
    values, one, other = drawn
    column = column_of(values)
    assert values == [column.value_of(code) for code in column.codes]
    equal = [number for number, value in enumerate(values) if value == one]
    assert equal == any_of([one], column)(enumerate(range(len(values))))
    low, high = codes_between(column, one, other)
    assert [value is not None and one <= value <= other for value in values] == [
        low <= each <= high for each in column.codes
    ]


@given(st.lists(_TEXT))
def test_texts_in_one_are_found_as_in_a_list(texts: list[str]) -> None:
    """Whichever characters they have."""
    texts.sort()
    joined = Texts(texts)
    assert texts == list(joined)
    assert texts[1:] == joined[1:]
    finds: tuple[Callable[..., int], ...] = (bisect_left, bisect_right)
    for find in finds:
        assert [find(texts, text) for text in texts] == [find(joined, text) for text in texts]


@given(st.lists(_WHOLE))
def test_narrow_numbers_are_the_same(numbers: list[int]) -> None:
    """However many bytes each takes."""
    assert numbers == list(narrow(numbers))


def test_a_row_takes_few_bytes() -> None:
    """Numbers take as many bytes as the widest of them needs, and ranks one or two."""
    assert [1, 1, 2, 4, 8, 2] == [
        narrow([0, greatest]).itemsize for greatest in (0, 2**8 - 1, 2**8, 2**32 - 1, 2**32)
    ] + [narrow([-129, 0]).itemsize]
