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
