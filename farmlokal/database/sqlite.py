"""SQLite through aiosqlite: the embedded catalogue of a developer's machine."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiosqlite

from farmlokal.database.address import SQLiteAddress
from farmlokal.database.dialect import SQLITE, Dialect
from farmlokal.database.interface import Params, PoolUse, Row, Session, T, TextRow
from farmlokal.database.spans import statement_span
from farmlokal.database.sqlite_session import SYSTEM, SQLiteSession, qmark
from farmlokal.errors import DatabaseUnavailable, StatementTimeout

# Another process may hold the file's only write lock: a bulk import commits well within this.
_LOCK_WAIT_MAX_S = 10
# A catalogue of this kind of machine has few readers at once, and each connection is a thread.
_READERS_MAX = 4
_INTERRUPT_EVERY_S = 0.01
_WAL = "PRAGMA journal_mode = WAL"  # readers go on while one writes
_WAL_RETRY_EVERY_S = 0.01
_PRAGMAS = (
    "PRAGMA synchronous = NORMAL",  # safe against a crash of the process; a power cut may lose the last commits
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",  # KiB
)
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})  # by another connection
_UNUSABLE = _HELD | {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}


class SQLiteDatabase:
    """Up to four reading connections and one writing connection on one file."""

    dialect: Dialect = SQLITE

    def __init__(self, address: SQLiteAddress, *, statement_limit_ms: int) -> None:
        self._address = address
        self._limit_s = statement_limit_ms / 1000
        self._idle: list[aiosqlite.Connection] = []
        self._slots = asyncio.Semaphore(_READERS_MAX)
        self._readers = 0  # at work or waiting
        self._writer: aiosqlite.Connection | None = None
        self._writing = asyncio.Lock()
        self._background: set[asyncio.Task[Any]] = set()  # what cancelled callers left to be finished

    def __repr__(self) -> str:
        return f"<SQLiteDatabase {self._address.path} idle={len(self._idle)} writing={self._writing.locked()}>"

    @property
    def pool_use(self) -> PoolUse:
        """See Database.pool_use. Of the reading connections: the writers' queue is SQLite's own."""
        used = min(self._readers, _READERS_MAX)
        return PoolUse(used, len(self._idle), self._readers - used)

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch."""
        return await self._select(sql, params, self._limit_s)

    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        """See Database.fetch_texts."""
        rows = await self._select(sql, params, self._limit_s)
        return [[None if text is None else str(text).encode() for text in row] for row in rows]

    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch_unlimited."""
        return await self._select(sql, params, None)

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See Database.in_transaction. SQLite has one writer at a time: a transaction is serial, never a deadlock."""
        async with self._writing_connection() as connection:
            try:
                await connection.execute("BEGIN IMMEDIATE")
                result = await work(SQLiteSession(connection))
                await connection.commit()
            except BaseException:
                # Also where BEGIN was cancelled: its thread may have got the lock nevertheless.
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
        # With every slot taken, no reader is left that would put a connection back after this.
        for _ in range(_READERS_MAX):
            await self._slots.acquire()
        while self._idle:
            await self._idle.pop().close()
        for _ in range(_READERS_MAX):
            self._slots.release()
        async with self._writing:
            if self._writer is not None:
                await self._writer.close()
                self._writer = None
        while self._background:  # an opening that nobody waits for is followed by a closing
            await asyncio.gather(*self._background, return_exceptions=True)

    async def _select(self, sql: str, params: Params, limit_s: float | None) -> list[Row]:
        async with self._reading_connection() as connection:
            try:
                with statement_span(SYSTEM, sql):
                    async with asyncio.timeout(limit_s):
                        rows = await connection.execute_fetchall(qmark(sql), params)
            except TimeoutError as error:
                raise StatementTimeout("the query ran into the statement time limit") from error
            return [tuple(row) for row in rows]

    @asynccontextmanager
    async def _reading_connection(self) -> AsyncIterator[aiosqlite.Connection]:
        self._readers += 1
        try:
            async with self._slots, _mapped_errors():
                connection = self._idle.pop() if self._idle else await self._opened()
                try:
                    yield connection
                except BaseException:
                    await asyncio.shield(self._in_background(_discard(connection)))
                    raise
                self._idle.append(connection)
        finally:
            self._readers -= 1

    @asynccontextmanager
    async def _writing_connection(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._writing, _mapped_errors():
            if self._writer is None:
                self._writer = await self._opened()
            yield self._writer

    async def _opened(self) -> aiosqlite.Connection:
        opening = self._in_background(self._open())
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # aiosqlite would lose a connection that opens after its caller has gone.
            opening.add_done_callback(self._discard_opened)
            raise

    def _discard_opened(self, opening: asyncio.Task[aiosqlite.Connection]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._in_background(_discard(opening.result()))

    def _in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _open(self) -> aiosqlite.Connection:
        connection = aiosqlite.connect(self._address.path, timeout=_LOCK_WAIT_MAX_S, isolation_level=None)
        try:
            await connection
        except BaseException:
            # aiosqlite leaves the thread to itself then, which dies with a traceback if the event loop ends first.
            await asyncio.to_thread(connection._thread.join)
            raise
        try:
            await _turn_wal_on(connection)
            for pragma in _PRAGMAS:
                await connection.execute(pragma)
        except BaseException:
            await _discard(connection)
            raise
        return connection


async def _turn_wal_on(connection: aiosqlite.Connection) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_MAX_S
    while True:
        try:
            await connection.execute(_WAL)
        except sqlite3.OperationalError as error:
            # SQLite itself does not wait here for another who opens the new file at the same moment.
            if _primary_code(error) not in _HELD or time.monotonic() >= deadline:
                raise
        else:
            return
        await asyncio.sleep(_WAL_RETRY_EVERY_S)


async def _discard(connection: aiosqlite.Connection) -> None:
    """Close `connection`, whose thread may still be at work on a statement that nobody waits for any more."""
    closing = asyncio.create_task(connection.close())
    while not closing.done():
        # More than once, because a statement that the thread has yet to begin does not notice.
        with suppress(ValueError, sqlite3.ProgrammingError):  # closed meanwhile
            await connection.interrupt()
        await asyncio.wait([closing], timeout=_INTERRUPT_EVERY_S)
    await closing


@asynccontextmanager
async def _mapped_errors() -> AsyncIterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if _primary_code(error) in _UNUSABLE:
            raise DatabaseUnavailable("the database file cannot be used now") from error
        raise


def _primary_code(error: sqlite3.Error) -> int:
    """The error's kind: its extended code's low byte, in which SQLITE_IOERR_READ is SQLITE_IOERR."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
