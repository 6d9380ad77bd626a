"""The statements of one open transaction on an SQLite file."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import aiosqlite

from farmlokal.database.interface import Params, Row
from farmlokal.database.spans import statement_span

SYSTEM = "sqlite"  # in traces


class SQLiteSession:
    """One open transaction on the writing connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Session.fetch."""
        with statement_span(SYSTEM, sql):
            return [tuple(row) for row in await self._connection.execute_fetchall(qmark(sql), params)]

    async def execute(self, sql: str, params: Params = ()) -> int:
        """See Session.execute."""
        with statement_span(SYSTEM, sql):
            async with self._connection.execute(qmark(sql), params) as cursor:
                return cursor.rowcount

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """See Session.execute_many."""
        with statement_span(SYSTEM, sql):
            await self._connection.executemany(qmark(sql), rows)

    async def insert_many(self, sql: str, rows: Sequence[Params]) -> list[int]:
        """See Session.insert_many. This transaction holds the only write lock: the ids follow one another."""
        if not rows:
            return []
        with statement_span(SYSTEM, sql):
            await self._connection.executemany(qmark(sql), rows[:-1])
            # The last one by itself, because the driver reports the id of a single row only.
            async with self._connection.execute(qmark(sql), rows[-1]) as cursor:
                last_id = cursor.lastrowid
        if last_id is None:
            raise AssertionError(f"no row was inserted by {sql}")
        return list(range(last_id - len(rows) + 1, last_id + 1))


@lru_cache(maxsize=1024)
def qmark(sql: str) -> str:
    """`sql` with its parameters marked as SQLite does."""
    return sql.replace("%s", "?")
