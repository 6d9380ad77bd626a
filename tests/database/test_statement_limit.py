"""The statement time limit: it ends a slow SELECT, not the connection pool."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from farmlokal.database import mysql
from farmlokal.database.interface import Database
from farmlokal.errors import StatementTimeout
from tests.support.backends import database_on, on_every_backend, slow_sql
from tests.support.lateness import lateness

LIMIT_MS = 200
NEAR_S = 1.0  # how much later than at its limit a statement may end on a busy machine
POOL_SIZE = 2

SHORT_LIMIT_MS = 20
# Longer than that, but with an end.
LONG_SQL = {
    "mysql": "SELECT SLEEP(0.5)",
    "sqlite": "SELECT 0 * COUNT(*) FROM"
    " (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000000) SELECT i FROM n)",
}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody take a server that a busy machine holds up for one that does not answer."""
    monkeypatch.setattr(mysql, "_ANSWER_MARGIN_S", 30)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database whose SELECTs may run a fifth of a second."""
    async with database_on(backend_url, pool_size=POOL_SIZE, statement_limit_ms=LIMIT_MS) as database:
        yield database


@on_every_backend
async def test_a_slow_select_ends_near_the_limit(database: Database) -> None:
    """A SELECT that would run for minutes is ended, and says so."""
    await database.ping()
    async with lateness() as late:
        began = time.monotonic()
        with pytest.raises(StatementTimeout):
            await database.fetch(slow_sql(database))
        took_s = time.monotonic() - began
    assert LIMIT_MS / 1000 <= took_s < LIMIT_MS / 1000 + NEAR_S + late.allowed_s, late


@on_every_backend
async def test_a_select_that_comes_again_is_ended_too(database: Database) -> None:
    """Prepared, where a server prepares it, a slow SELECT ends as it does as text."""
    for _ in range(3):
        with pytest.raises(StatementTimeout):
            await database.fetch_texts(slow_sql(database))


@on_every_backend
async def test_the_pool_survives_slow_selects(database: Database) -> None:
    """After more slow SELECTs than there are connections, every connection is to be had again."""
    slow = [database.fetch(slow_sql(database)) for _ in range(POOL_SIZE + 3)]
    ended = await asyncio.gather(*slow, return_exceptions=True)
    assert [StatementTimeout] * len(slow) == [type(error) for error in ended]
    quick = await asyncio.gather(*[database.fetch("SELECT 1") for _ in range(POOL_SIZE + 3)])
    assert [[(1,)]] * len(slow) == quick


@on_every_backend
async def test_background_work_is_not_limited(backend_url: str) -> None:
    """`fetch_unlimited` lets a SELECT run past the limit."""
    async with database_on(backend_url, statement_limit_ms=SHORT_LIMIT_MS) as database:
        with pytest.raises(StatementTimeout):
            await database.fetch(slow_sql(database))
        began = time.monotonic()
        assert [(0,)] == await database.fetch_unlimited(LONG_SQL[database.dialect.name])
        assert time.monotonic() - began > 2 * SHORT_LIMIT_MS / 1000


@on_every_backend
async def test_the_limit_is_the_statements_own(database: Database) -> None:
    """Statements that are short one by one may be sent over a longer time."""
    for _ in range(3):
        assert [(1,)] == await database.fetch("SELECT 1")
        await asyncio.sleep(LIMIT_MS / 1000)
