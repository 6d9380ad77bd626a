"""SQLite through aiosqlite: the embedded catalogue of a developer's machine."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiosqlite
from typing_extensions import override

from farmlokal.database.address import SQLiteAddress
from farmlokal.database.dialect import SQLITE, Dialect
from farmlokal.database.interface import Database, Params, PoolUse, ReadyRow, Row, Session, Statements, T, TextRow
from farmlokal.database.sqlite_connection import HELD, discard, open_connection, primary_code
from farmlokal.errors import DatabaseMissing, DatabaseUnavailable, StatementTimeout
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.tracing import statement_span

_log = get_logger(__name__)

# A catalogue of this kind of machine has few readers at once, and each connection is a thread.
_READERS_MAX = 4
_UNUSABLE = HELD | {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}


_SYSTEM = "sqlite"  # in traces


class SQLiteDatabase(Database):
    """Up to four reading connections and one writing connection on one file, which the first write makes."""

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
    @override
    def pool_use(self) -> PoolUse:
        # Of the reading connections: the writers' queue is SQLite's own.
        used = min(self._readers, _READERS_MAX)
        return PoolUse(used, len(self._idle), self._readers - used)

    @property
    @override
    def losses(self) -> Mapping[str, int]:
        return {"connection": 0, "commit": 0}  # a file has none

    @property
    @override
    def hangs(self) -> bool:
        return False

    @override
    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        return await self._select(sql, params, self._limit_s)

    @override
    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        return _texts(await self._select(sql, params, self._limit_s))

    @override
    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        return await self._select(sql, params, None)

    @override
    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        # SQLite has one writer at a time: a transaction is serial, never a deadlock.
        async with self._writing_connection() as connection:
            try:
                await connection.execute("BEGIN IMMEDIATE")
                session = SQLiteSession(connection)
                result = await work(session)
                await session.run_deferred()
                await connection.commit()
            except BaseException:
                # Also where BEGIN was cancelled: its thread may have got the lock nevertheless.
                await asyncio.shield(connection.rollback())
                raise
            return result

    @override
    def ready_rows(self, sql: str, rows: Sequence[Params]) -> Sequence[ReadyRow]:
        return rows

    @override
    async def exclusively(self, work: Callable[[Statements], Awaitable[T]]) -> T:
        while True:
            try:
                return await self.in_transaction(work)
            except DatabaseUnavailable as error:
                # Held for longer than any transaction of ours: another process makes an index.
                if not isinstance(error.__cause__, sqlite3.Error) or primary_code(error.__cause__) not in HELD:
                    raise
                _log.info("another process holds the file: waiting for it")

    @override
    async def run_script(self, statements: Iterable[str]) -> None:
        async with self._writing_connection() as connection:
            for statement in statements:
                await connection.execute(statement)
            await connection.commit()

    @override
    async def ping(self) -> None:
        await self.fetch("SELECT 1")

    @override
    async def close(self) -> None:
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
                with statement_span(_SYSTEM, sql):
                    async with asyncio.timeout(limit_s):
                        rows = await connection.execute_fetchall(_qmark(sql), params)
            except TimeoutError as error:
                raise StatementTimeout("the query ran into the statement time limit") from error
            return [tuple(row) for row in rows]

    @asynccontextmanager
    async def _reading_connection(self) -> AsyncIterator[aiosqlite.Connection]:
        self._readers += 1
        try:
            async with self._slots, self._mapped_errors(making=False):
                connection = self._idle.pop() if self._idle else await self._opened(make=False)
                try:
                    yield connection
                except BaseException:
                    await asyncio.shield(self._in_background(discard(connection)))
                    raise
                self._idle.append(connection)
        finally:
            self._readers -= 1

    @asynccontextmanager
    async def _writing_connection(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._writing, self._mapped_errors(making=True):
            if self._writer is None:
                self._writer = await self._opened(make=True)
            yield self._writer

    async def _opened(self, *, make: bool) -> aiosqlite.Connection:
        opening = self._in_background(open_connection(Path(self._address.path), make=make))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # aiosqlite would lose a connection that opens after its caller has gone.
            opening.add_done_callback(self._discard_opened)
            raise

    def _discard_opened(self, opening: asyncio.Task[aiosqlite.Connection]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._in_background(discard(opening.result()))

    @asynccontextmanager
    async def _mapped_errors(self, *, making: bool) -> AsyncIterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            unavailable = self._unavailable(error, making=making)
            if unavailable is None:
                raise
            raise unavailable from error

    def _unavailable(self, error: sqlite3.Error, *, making: bool) -> DatabaseUnavailable | None:
        """What `error` is for our callers; None where it is a fault of the statement."""
        code, path = primary_code(error), Path(self._address.path)
        if not making and code == sqlite3.SQLITE_CANTOPEN and not path.exists():
            return DatabaseMissing(
                "the database file is missing", reason=f"{path} does not exist: run `farmlokal init-db`"
            )
        return DatabaseUnavailable("the database file cannot be used now") if code in _UNUSABLE else None

    def _in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


class SQLiteSession(Session):
    """One open transaction on the writing connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._deferred: list[tuple[str, Iterable[Params]]] = []

    @override
    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        await self.run_deferred()
        with statement_span(_SYSTEM, sql):
            return [tuple(row) for row in await self._connection.execute_fetchall(_qmark(sql), params)]

    @override
    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        return _texts(await self.fetch(sql, params))

    @override
    async def execute(self, sql: str, params: Params = ()) -> int:
        await self.run_deferred()
        with statement_span(_SYSTEM, sql):
            async with self._connection.execute(_qmark(sql), params) as cursor:
                return cursor.rowcount

    @override
    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        self.defer(sql, rows)
        await self.run_deferred()

    @override
    def defer(self, sql: str, rows: Iterable[Params]) -> None:
        self._deferred.append((sql, rows))

    async def run_deferred(self) -> None:
        """Run what was deferred."""
        deferred, self._deferred = self._deferred, []
        for sql, rows in deferred:
            with statement_span(_SYSTEM, sql):
                await self._connection.executemany(_qmark(sql), rows)

    @override
    async def insert_many(self, sql: str, rows: Sequence[ReadyRow]) -> list[int]:
        # This transaction holds the only write lock: the ids follow one another.
        if not rows:
            return []
        await self.run_deferred()
        with statement_span(_SYSTEM, sql):
            await self._connection.executemany(_qmark(sql), rows[:-1])
            # The last one by itself, because the driver reports the id of a single row only.
            async with self._connection.execute(_qmark(sql), rows[-1]) as cursor:
                last_id = cursor.lastrowid
        if last_id is None:
            raise AssertionError(f"no row was inserted by {sql}")
        return list(range(last_id - len(rows) + 1, last_id + 1))


def _texts(rows: Iterable[Row]) -> list[TextRow]:
    return [[None if value is None else str(value).encode() for value in row] for row in rows]


@lru_cache(maxsize=1024)
def _qmark(sql: str) -> str:
    """`sql` with its parameters marked as SQLite does."""
    return sql.replace("%s", "?")
