"""MySQL and MariaDB through aiomysql: pool, sign-in, statement time limit, retries."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiomysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions

from farmlokal.database.address import MySQLAddress
from farmlokal.database.dialect import MYSQL, Dialect
from farmlokal.database.interface import Params, Row, Session, T
from farmlokal.errors import DatabaseUnavailable, StatementTimeout
from farmlokal.resilience.backoff import Backoff

# Deadlock, lock wait timeout, MariaDB's "record has changed since last read", and a unique key that another transaction
# took between our look and our insert: run the transaction again, and it sees what the other one wrote.
_RETRIED = frozenset({1213, 1205, 1020, 1062})
_TIMED_OUT = frozenset({1969, 3024})  # MariaDB's max_statement_time, MySQL's MAX_EXECUTION_TIME
# Too many connections, server shutdown, connection killed or refused or gone, MySQL's goodbye to an idle client.
_LOST = frozenset({0, 1040, 1053, 1077, 1080, 1927, 2002, 2003, 2006, 2013, 2055, 4031})
_TRANSACTION_ATTEMPTS_MAX = 8

_CONNECT_TIMEOUT_S = 5
# A request that finds no free connection within this time is better refused than queued behind the others.
_POOL_WAIT_MAX_S = 5
# The server ends a statement at its limit; past that and this much more the server itself is not answering.
_ANSWER_MARGIN_S = 1

# DECIMAL stays the text that the server sent, and DATETIME becomes RFC 3339: what goes out on the wire anyway.
_CONVERSIONS = {
    **conversions,
    FIELD_TYPE.DECIMAL: str,
    FIELD_TYPE.NEWDECIMAL: str,
    FIELD_TYPE.DATETIME: lambda text: f"{text[:10]}T{text[11:19]}Z",
}
# Explicit, because the driver's escaping and our NOT NULLs rely on it whatever the server's default.
_SQL_MODE = "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"


class MySQLDatabase:
    """A pool of at most `pool_size` connections; SELECTs by `fetch` may run `statement_limit_ms`."""

    dialect: Dialect = MYSQL

    def __init__(self, address: MySQLAddress, *, pool_size: int, statement_limit_ms: int) -> None:
        self._address = address
        self._pool_size = pool_size
        self._limit_s = statement_limit_ms / 1000
        self._pool: aiomysql.Pool | None = None
        # aiomysql wakes nobody when a connection comes back closed, so waiting is done here and never in its pool.
        self._slots = asyncio.Semaphore(pool_size)

    def __repr__(self) -> str:
        return f"<MySQLDatabase {self._address} free={self._slots._value}/{self._pool_size}>"

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch."""
        try:
            return await self._select(sql, params, limited=True)
        except DatabaseUnavailable:
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
                if error.args[0] not in _RETRIED or attempt == _TRANSACTION_ATTEMPTS_MAX:
                    raise
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
        if self._pool is not None:
            self._pool.close()
            await self._pool.wait_closed()
            self._pool = None

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
            await connection.begin()
            try:
                result = await work(MySQLSession(cursor))
                await connection.commit()
            except BaseException:
                # The connection may be the very thing that failed: closing it rolls back just as surely.
                connection.close()
                raise
            return result

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        async with self._slot():
            try:
                pool = await self._opened_pool()
                async with pool.acquire() as connection:
                    yield connection
            except (aiomysql.OperationalError, aiomysql.InterfaceError) as error:
                code = error.args[0] if error.args else 0
                if code in _TIMED_OUT:
                    raise StatementTimeout("the query ran into the statement time limit") from error
                if code in _LOST:
                    raise DatabaseUnavailable("the database cannot be reached") from error
                raise
            except (TimeoutError, OSError) as error:
                raise DatabaseUnavailable("the database does not answer") from error

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_POOL_WAIT_MAX_S):
                await self._slots.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(f"no database connection was free within {_POOL_WAIT_MAX_S} s") from error
        try:
            yield
        finally:
            self._slots.release()

    async def _opened_pool(self) -> aiomysql.Pool:
        if self._pool is None:
            # No first connection here: a server that is away must fail the statement, not the construction.
            self._pool = await aiomysql.create_pool(
                minsize=0,
                maxsize=self._pool_size,
                host=self._address.host,
                port=self._address.port,
                user=self._address.user,
                password=self._address.password,
                db=self._address.database,
                unix_socket=self._address.unix_socket,
                ssl=ssl.create_default_context(cafile=self._address.ssl_ca) if self._address.ssl_ca else None,
                charset="utf8mb4",
                sql_mode=_SQL_MODE,
                init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                autocommit=True,
                connect_timeout=_CONNECT_TIMEOUT_S,
                conv=_CONVERSIONS,
            )
        return self._pool


class MySQLSession:
    """One open transaction on one connection."""

    def __init__(self, cursor: aiomysql.Cursor) -> None:
        self._cursor = cursor

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Session.fetch."""
        await self._cursor.execute(sql, params)
        return list(self._cursor._rows or ())

    async def execute(self, sql: str, params: Params = ()) -> int:
        """See Session.execute."""
        return int(await self._cursor.execute(sql, params))

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """See Session.execute_many. The driver folds INSERT … VALUES into statements of many rows."""
        await self._cursor.executemany(sql, list(rows))
