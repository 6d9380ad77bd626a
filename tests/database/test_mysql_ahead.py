"""A SELECT that is sent together with the one after it, and answered before it."""

from collections.abc import AsyncIterator

import aiomysql
import pytest

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_exchange import Ahead
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.database.mysql_texts import FollowedResult

LIMIT_S = 10
LARGE = "SELECT REPEAT('x', 300000), {}"


@pytest.fixture
async def connection(mysql_url: str) -> AsyncIterator[Connection]:
    """A connection to the server."""
    address = parse_address(mysql_url)
    assert isinstance(address, MySQLAddress)
    connection = await ConnectionOpener(address).open()
    yield connection
    await connection.say_goodbye()


class Question:
    """What is sent ahead, and how often it was said to be answered."""

    def __init__(self, sql: str) -> None:
        self.answers = 0
        self.ahead = Ahead(sql, FollowedResult(), self._answered)

    def _answered(self) -> None:
        self.answers += 1


@pytest.mark.parametrize(("first", "second"), [("SELECT 1", "SELECT 2"), (LARGE.format(1), LARGE.format(2))])
async def test_both_are_answered_in_their_order(connection: Connection, first: str, second: str) -> None:
    """Whatever pieces they come in, each gets its own; also where the second is prepared meanwhile."""
    for _ in range(4):
        question = Question(first)
        rows = await connection.fetch_texts(second, (), LIMIT_S, ahead=question.ahead)
        assert (b"1", b"2", 1) == (question.ahead.result.rows[0][-1], rows[0][-1], question.answers)
    assert [[b"3"]] == await connection.fetch_texts("SELECT 3", (), LIMIT_S)


async def test_a_first_that_fails_ends_the_connection(connection: Connection) -> None:
    """The second's answer is still to come: nobody may take it for another's."""
    question = Question("SELECT nothing")
    with pytest.raises(aiomysql.OperationalError, match="nothing"):
        await connection.fetch_texts("SELECT 2", (), LIMIT_S, ahead=question.ahead)
    assert (True, 0) == (connection.closed, question.answers)


async def test_a_second_that_fails_does_not(connection: Connection) -> None:
    """The first is answered, and the connection is of use."""
    question = Question("SELECT 1")
    with pytest.raises(aiomysql.OperationalError, match="nothing"):
        await connection.fetch_texts("SELECT nothing", (), LIMIT_S, ahead=question.ahead)
    assert ([[b"1"]], 1) == (question.ahead.result.rows, question.answers)
    assert [[b"3"]] == await connection.fetch_texts("SELECT 3", (), LIMIT_S)
