"""An answer of thousands of rows is read a few rows in a turn of the event loop: requests have the rest of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiomysql
import pytest

from farmlokal.database import mysql_connection
from farmlokal.database.interface import Database
from farmlokal.database.mysql_connection import Connection
from tests.support.backends import database_on, on_every_server

ROWS = 3_000
NUMBERS = (
    "WITH RECURSIVE tens (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM tens WHERE i < 9)"
    " SELECT a.i + 10 * b.i + 100 * c.i + 1000 * d.i AS number FROM tens a, tens b, tens c, tens d"
    " WHERE d.i < 3 ORDER BY number"
)
A_FEW = 32


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with one connection."""
    async with database_on(backend_url, pool_size=1, statement_limit_ms=60_000) as database:
        yield database


def read_in_turns(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """From now on, how many parts of answers the driver reads in each turn of the event loop, by its number."""
    loop, turn, read = asyncio.get_running_loop(), 0, Counter[int]()
    one = aiomysql.Connection._read_packet

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(next_turn)

    async def counted(connection: aiomysql.Connection, *args: Any) -> Any:
        found = await one(connection, *args)
        read[turn] += 1
        return found

    monkeypatch.setattr(aiomysql.Connection, "_read_packet", counted)
    next_turn()
    return read


@pytest.mark.parametrize("guarded", [False, True], ids=["as the driver reads", "a few in a turn"])
@on_every_server
async def test_a_turn_reads_a_few_rows_of_a_long_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """What has arrived already the driver reads in one turn, hundreds of rows; here each turn reads 32 at most."""
    if not guarded:
        monkeypatch.setattr(mysql_connection, "_ROWS_IN_A_TURN", 257)  # the driver counts up to 256, and begins again
    await database.ping()
    read = read_in_turns(monkeypatch)
    rows = await database.fetch_unlimited(NUMBERS)
    assert [(number,) for number in range(ROWS)] == rows
    assert guarded is (max(read.values()) <= A_FEW)


@on_every_server
async def test_a_statement_whose_rows_are_being_read_is_not_silent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has sent them all and rests: a look at it must not find that the statement was never heard."""
    await database.ping()
    one, asked = Connection._read_packet, list[float | None]()

    async def noted(connection: Connection, *args: Any) -> Any:
        asked.append(connection.asked_at)
        return await one(connection, *args)

    monkeypatch.setattr(Connection, "_read_packet", noted)
    await database.fetch_unlimited(NUMBERS)
    times = [at for at in asked if at is not None]
    assert len(asked) == len(times)
    assert times[0] < times[-1]
    assert sorted(times) == times


@on_every_server
async def test_who_leaves_between_two_rows_leaves_no_answer_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled where it lets others have a turn, a statement takes its connection along: nobody gets its rows."""
    await database.ping()
    read = read_in_turns(monkeypatch)
    asking = asyncio.create_task(database.fetch_unlimited(NUMBERS))

    def leave() -> None:
        if read.total() < 10 * A_FEW:
            asyncio.get_running_loop().call_soon(leave)
        else:
            asking.cancel()

    leave()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [(1,)] == await database.fetch_unlimited("SELECT 1")
