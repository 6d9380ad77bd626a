"""Opening and closing a connection to an SQLite file."""

import asyncio
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import aiosqlite

# Another process may hold the file's only write lock: a bulk import commits well within this.
_LOCK_WAIT_MAX_S = 10


_INTERRUPT_EVERY_S = 0.01
_WAL = "PRAGMA journal_mode = WAL"  # readers go on while one writes
_WAL_RETRY_EVERY_S = 0.01
_PRAGMAS = (
    "PRAGMA synchronous = NORMAL",  # safe against a crash of the process; a power cut may lose the last commits
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",  # KiB
)
HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})  # by another connection


async def open_connection(path: Path, *, make: bool) -> aiosqlite.Connection:
    """Return a connection to the file at `path`. Raises sqlite3.OperationalError.

    make: whether the file is made where there is none.
    """
    connection = aiosqlite.connect(_uri(path, make=make), uri=True, timeout=_LOCK_WAIT_MAX_S, isolation_level=None)
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
        await discard(connection)
        raise
    return connection


def _uri(path: Path, *, make: bool) -> str:
    return f"{path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}"


async def _turn_wal_on(connection: aiosqlite.Connection) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_MAX_S
    while True:
        try:
            await connection.execute(_WAL)
        except sqlite3.OperationalError as error:
            # SQLite itself does not wait here for another process that opens the new file at the same moment.
            if primary_code(error) not in HELD or time.monotonic() >= deadline:
                raise
        else:
            return
        await asyncio.sleep(_WAL_RETRY_EVERY_S)


async def discard(connection: aiosqlite.Connection) -> None:
    """Close `connection`, whose thread may still be at work on a statement that nobody waits for any more."""
    closing = asyncio.create_task(connection.close())
    while not closing.done():
        # More than once, because a statement that the thread has yet to begin does not notice.
        with suppress(ValueError, sqlite3.ProgrammingError):  # closed meanwhile
            await connection.interrupt()
        await asyncio.wait([closing], timeout=_INTERRUPT_EVERY_S)
    await closing


def primary_code(error: sqlite3.Error) -> int:
    """The error's kind: its extended code's low byte, in which SQLITE_IOERR_READ is SQLITE_IOERR."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
