"""SQLite through aiosqlite: the embedded catalogue of a developer's machine."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache

import aiosqlite

from farmlokal.database.address import SQLiteAddress
from farmlokal.database.dialect import SQLITE, Dialect
from farmlokal.database.interface import Params, Row, Session, T
from farmlokal.errors import DatabaseUnavailable, StatementTimeout

# Another process may hold the file's only write lock: a bulk import commits well within this.
_LOCK_WAIT_MAX_S = 10
# A catalogue of this kind of machine has few readers at once, and each connection is a thread.
_READERS_MAX = 4
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers go on while one writes
    "PRAGMA synchronous = NORMAL",  # safe against a crash of the process; a power cut may lose the last commits
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",  # KiB
)


class SQLiteDatabase:
    """Up to four reading connections and one writing connection on one file."""

    dialect: Dialect = SQLITE

    def __init__(self, address: SQLiteAddress, *, statement_limit_ms: int) -> None:
        self._address = address
        self._limit_s = statement_limit_ms / 1000
        self._idle: list[aiosqlite.Connection] = []
        self._slots = asyncio.Semaphore(_READERS_MAX)
        self._writer: aiosqlite.Connection | None = None
        self._writing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<SQLiteDatabase {self._address.path} idle={len(self._idle)} writing={self._writing.locked()}>"

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch."""
        return await self._select(sql, params, self._limit_s)

    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch_unlimited."""
        return await self._select(sql, params, None)

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See Database.in_transaction. SQLite has one writer at a time: a transaction is serial, never a deadlock."""
        async with self._writing_connection() as connection:
            await connection.execute("BEGIN IMMEDIATE")
            try:
                result = await work(SQLiteSession(connection))
                await connection.commit()
            except BaseException:
                await asyncio.shield(connection.rollback())
                raise
            return result

    async def run_script(self, statements: Iterable[str]) -> None:
        """See Database.run_script."""
        async with self._writing_connection() as connection:
            for statement in statements:
                await connection.execute(statement)
            await connection.commit()

    async def ping(self) -> None:
        """See Database.ping."""
        await self.fetch("SELECT 1")

    async def close(self) -> None:
        """See Database.close."""
        while self._idle:
            await self._idle.pop().close()
        async with self._writing:
            if self._writer is not None:
                await self._writer.close()
                self._writer = None

    async def _select(self, sql: str, params: Params, limit_s: float | None) -> list[Row]:
        async with self._reading_connection() as connection:
            try:
                async with asyncio.timeout(limit_s):
                    rows = await connection.execute_fetchall(_qmark(sql), params)
            except TimeoutError as error:
                raise StatementTimeout("the query ran into the statement time limit") from error
            return [tuple(row) for row in rows]

    @asynccontextmanager
    async def _reading_connection(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._slots, _mapped_errors():
            connection = self._idle.pop() if self._idle else await self._open()
            try:
                yield connection
            except BaseException:
                # Its thread may still be at work on a statement that nobody waits for any more.
                await connection.interrupt()
                await asyncio.shield(connection.close())
                raise
            self._idle.append(connection)

    @asynccontextmanager
    async def _writing_connection(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._writing, _mapped_errors():
            if self._writer is None:
                self._writer = await self._open()
            yield self._writer

    async def _open(self) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self._address.path, timeout=_LOCK_WAIT_MAX_S, isolation_level=None)
        for pragma in _PRAGMAS:
            await connection.execute(pragma)
        return connection


class SQLiteSession:
    """One open transaction on the writing connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Session.fetch."""
        return [tuple(row) for row in await self._connection.execute_fetchall(_qmark(sql), params)]

    async def execute(self, sql: str, params: Params = ()) -> int:
        """See Session.execute."""
        async with self._connection.execute(_qmark(sql), params) as cursor:
            return cursor.rowcount

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """See Session.execute_many."""
        await self._connection.executemany(_qmark(sql), rows)


@asynccontextmanager
async def _mapped_errors() -> AsyncIterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname in ("SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR"):
            raise DatabaseUnavailable("the database file cannot be used now") from error
        raise


@lru_cache(maxsize=1024)
def _qmark(sql: str) -> str:
    return sql.replace("%s", "?")
