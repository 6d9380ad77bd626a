"""How a value stands in a statement: exactly as the driver would write it."""

from enum import StrEnum
from typing import Any

import aiomysql
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymysql.constants import SERVER_STATUS

from farmlokal.database.mysql_connection import Connection


class Word(StrEnum):
    """A text of another type."""

    OKRA = "okra's"


def connection(status: int = 0) -> Any:
    """One that was never opened."""
    unopened = Connection.__new__(Connection)
    unopened._writer = None
    unopened._charset = "utf8mb4"
    unopened.server_status = status
    return unopened


@pytest.mark.parametrize("status", [0, SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES])
@given(value=st.text() | st.integers() | st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
@example(value="O'Brien")
@example(value='a "word"')
@example(value="back\\slash")
@example(value="line\nreturn\rnul\0end\x1a")
@example(value="भिंडी")
@example(value=Word.OKRA)
def test_a_value_is_written_as_the_driver_does(status: int, value: object) -> None:
    """Whatever it is, in both of the server's modes, by itself and among others."""
    expected = aiomysql.Connection.escape(connection(status), value)
    assert expected == connection(status).escape(value)
    assert ("1", expected, "NULL") == connection(status).escape_all([1, value, None])


@pytest.mark.parametrize("status", [0, SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES])
@given(
    values=st.lists(
        st.text()
        | st.text(alphabet="okra's\\ \n\"भि%")
        | st.integers()
        | st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
    )
)
@example(values=["okra", 1, None, 24.5, -0.0])
@example(values=["100 %", 1e-05, 1e17])
@example(values=[Word.OKRA, True])
def test_a_row_is_filled_in_as_its_values_are_written(status: int, values: list[object]) -> None:
    """Whether its texts stand as they are or not, the row has each value as it would stand by itself."""
    marks = f"({', '.join(['%s'] * len(values))}, NOW())"
    expected = marks % connection(status).escape_all(values)
    assert expected == connection(status).filled(marks, values)


def test_a_format_with_signs_of_its_own_is_filled_in_by_the_driver() -> None:
    """A doubled percent sign and a text in the format are not taken for values."""
    marks = "(%s, DATE_FORMAT(%s, '%%Y'))"
    assert "('a', DATE_FORMAT('b', '%Y'))" == connection().filled(marks, ["a", "b"])
