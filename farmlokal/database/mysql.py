"""MySQL and MariaDB through aiomysql: statement time limit, transactions, retries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiomysql

from farmlokal.database.address import MySQLAddress
from farmlokal.database.dialect import MYSQL, Dialect
from farmlokal.database.interface import Params, Row, Session, T
from farmlokal.database.mysql_pool import MySQLPool
from farmlokal.errors import DatabaseUnavailable, StatementTimeout
from farmlokal.resilience.backoff import Backoff

# Deadlock, lock wait timeout, MariaDB's "record has changed since last read": another transaction was in the way.
_LOCKED = frozenset({1213, 1205, 1020})
# Those, and a unique key that another transaction took between our look and our insert: run the transaction again, and
# it sees what the other one wrote.
_RETRIED = _LOCKED | {1062}
_TIMED_OUT = frozenset({1969, 3024})  # MariaDB's max_statement_time, MySQL's MAX_EXECUTION_TIME
# Server shutdown, connection killed or gone, MySQL's goodbye to an idle client.
_LOST = frozenset({1053, 1077, 1080, 1927, 2006, 2013, 2055, 4031})
_TRANSACTION_ATTEMPTS_MAX = 8

# The server ends a statement at its limit; past that and this much more the server itself is not answering.
_ANSWER_MARGIN_S = 1
# No statement of a transaction takes this long, waiting for locks included: past it the server is not answering.
_TRANSACTION_ANSWER_MAX_S = 30
# One round trip for so many UPDATEs: measured on loopback, 1.5 times as many rows a second as one by one.
_STATEMENTS_AT_ONCE = 100


class MySQLDatabase:
    """A pool of at most `pool_size` connections; SELECTs by `fetch` may run `statement_limit_ms`."""

    dialect: Dialect = MYSQL

    def __init__(self, address: MySQLAddress, *, pool_size: int, statement_limit_ms: int) -> None:
        self._pool = MySQLPool(address, pool_size)
        self._limit_s = statement_limit_ms / 1000

    def __repr__(self) -> str:
        return f"<MySQLDatabase {self._pool!r} limit_s={self._limit_s}>"

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch."""
        try:
            return await self._select(sql, params, limited=True)
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                raise  # the caller has waited long enough
            # A restarted server leaves dead connections in the pool; a SELECT has no effect and may be asked again.
            return await self._select(sql, params, limited=True)

    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch_unlimited."""
        return await self._select(sql, params, limited=False)

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See Database.in_transaction."""
        backoff = Backoff(base_s=0.01, max_s=1.0)
        for attempt in range(1, _TRANSACTION_ATTEMPTS_MAX + 1):
            try:
                return await self._attempt(work)
            except (aiomysql.OperationalError, aiomysql.IntegrityError) as error:
                if error.args[0] not in _RETRIED:
                    raise
                if attempt == _TRANSACTION_ATTEMPTS_MAX:
                    if error.args[0] not in _LOCKED:
                        raise
                    raise DatabaseUnavailable("other transactions were in the way at every attempt") from error
            await asyncio.sleep(backoff.wait_s(attempt))
        raise AssertionError("the loop returns or raises")

    async def run_script(self, statements: Iterable[str]) -> None:
        """See Database.run_script."""
        async with self._connection() as connection, connection.cursor() as cursor:
            for statement in statements:
                await cursor.execute(statement)

    async def ping(self) -> None:
        """See Database.ping."""
        await self._select("SELECT 1", (), limited=True)

    async def close(self) -> None:
        """See Database.close."""
        await self._pool.close()

    async def _select(self, sql: str, params: Params, *, limited: bool) -> list[Row]:
        async with self._connection() as connection, connection.cursor() as cursor:
            if not limited:
                await cursor.execute(sql, params)
            else:
                async with asyncio.timeout(self._limit_s + _ANSWER_MARGIN_S):
                    await cursor.execute(self._with_limit(connection, sql), params)
            return list(cursor._rows or ())

    def _with_limit(self, connection: Any, sql: str) -> str:
        if "MariaDB" in connection.server_version:
            return f"SET STATEMENT max_statement_time={self._limit_s} FOR {sql}"
        return sql.replace("SELECT", f"SELECT /*+ MAX_EXECUTION_TIME({round(self._limit_s * 1000)}) */", 1)

    async def _attempt(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async with self._connection() as connection, connection.cursor() as cursor:
            try:
                async with _answering():
                    await connection.begin()
                result = await work(MySQLSession(cursor))
                async with _answering():
                    await connection.commit()
            except BaseException:
                # The connection may be the very thing that failed: closing it rolls back just as surely.
                connection.close()
                raise
            return result

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        async with self._pool.connection() as connection:
            try:
                yield connection
            except (aiomysql.OperationalError, aiomysql.InterfaceError) as error:
                if error.args[0] in _TIMED_OUT:
                    raise StatementTimeout("the query ran into the statement time limit") from error
                if error.args[0] in _LOST or isinstance(error, aiomysql.InterfaceError):
                    raise DatabaseUnavailable("the connection to the database was lost") from error
                raise
            except (TimeoutError, OSError) as error:
                raise DatabaseUnavailable("the database does not answer") from error


class MySQLSession:
    """One open transaction on one connection."""

    def __init__(self, cursor: aiomysql.Cursor) -> None:
        self._cursor = cursor

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Session.fetch."""
        async with _answering():
            await self._cursor.execute(sql, params)
        return list(self._cursor._rows or ())

    async def execute(self, sql: str, params: Params = ()) -> int:
        """See Session.execute."""
        async with _answering():
            return int(await self._cursor.execute(sql, params))

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """See Session.execute_many.

        The driver folds INSERT … VALUES into statements of many rows; we send other statements many at a time.
        """
        rows = list(rows)
        if sql.startswith("INSERT"):
            async with _answering():
                await self._cursor.executemany(sql, rows)
            return
        for start in range(0, len(rows), _STATEMENTS_AT_ONCE):
            chunk = rows[start : start + _STATEMENTS_AT_ONCE]
            async with _answering():
                await self._cursor.execute(";".join(self._cursor.mogrify(sql, row) for row in chunk))
                while await self._cursor.nextset():
                    pass


def _answering() -> asyncio.Timeout:
    return asyncio.timeout(_TRANSACTION_ANSWER_MAX_S)
