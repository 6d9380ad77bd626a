"""MySQL and MariaDB through aiomysql: statement time limit, transactions, retries."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import aiomysql
from typing_extensions import override

from farmlokal.database.address import MySQLAddress
from farmlokal.database.dialect import MYSQL, Dialect
from farmlokal.database.interface import Database, Params, PoolUse, ReadyRow, Row, Session, Statements, T, TextRow
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_exclusive import run_exclusively
from farmlokal.database.mysql_in_use import BY_A_DEADLOCK, COMMIT_FAILED, InUse
from farmlokal.database.mysql_pool import MySQLPool
from farmlokal.database.mysql_position import position_of
from farmlokal.database.mysql_role import READ_ONLY, is_on
from farmlokal.database.mysql_session import MySQLSession, answered, written_rows
from farmlokal.errors import ConnectionForgotten, DatabaseUnavailable, RightMissing
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.commit_positions import CommitPositions, Position
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.tracing import statement_span

_log = get_logger(__name__)

# Deadlock, lock wait timeout, MariaDB's "record has changed since last read", and a group's verdict that another member
# changed the same rows: another transaction was in the way, and this one is rolled back.
_LOCKED = frozenset({1213, 1205, 1020, 3101})
# A unique key that another transaction took between our look and our insert: run again, the transaction sees it.
_KEY_TAKEN = 1062
# The user lacks a right on the database, a table or a column.
_RIGHT_MISSING = frozenset({1044, 1142, 1143})
_SYSTEM = "mysql"  # in traces; a MariaDB too, which speaks the same protocol
_TRANSACTION_ATTEMPTS_MAX = 8
# Changes to the schema wait for others for a second at a time: so many times, with pauses in which those others get on.
_EXCLUSIVE_ATTEMPTS_MAX = 60

# The server ends a statement at its limit; past that and this much more the server itself is not answering.
_ANSWER_MARGIN_S = 1
# The longest that BEGIN, which asks nothing of the server, may take on a connection that had been idle.
_BEGIN_WAIT_MAX_S = 0.5


class MySQLDatabase(Database):
    """A pool of at most `pool_size` connections; SELECTs by `fetch` may run `statement_limit_ms`."""

    dialect: Dialect = MYSQL

    def __init__(
        self,
        address: MySQLAddress,
        *,
        pool_size: int,
        statement_limit_ms: int,
        commits: CommitPositions | None = None,
    ) -> None:
        """commits: gets the server's position after each COMMIT, where somebody wants it."""
        self._pool = MySQLPool(address, pool_size)
        self._limit_s = statement_limit_ms / 1000
        self._commits = commits

    def __repr__(self) -> str:
        return f"<MySQLDatabase {self._pool!r} limit_s={self._limit_s}>"

    @property
    @override
    def pool_use(self) -> PoolUse:
        return self._pool.use

    @property
    @override
    def losses(self) -> Mapping[str, int]:
        return self._pool.losses

    @property
    @override
    def hangs(self) -> bool:
        return self._pool.hangs

    @override
    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        try:
            return await self._select(sql, params, limited=True)
        except DatabaseUnavailable as error:
            _raise_if_waited_for(error)
            return await self._select(sql, params, limited=True, fresh=True)

    @override
    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        try:
            return await self._select_texts(sql, params)
        except DatabaseUnavailable as error:
            _raise_if_waited_for(error)
            return await self._select_texts(sql, params, fresh=True)

    @override
    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        try:
            return await self._select(sql, params, limited=False)
        except ConnectionForgotten:
            return await self._select(sql, params, limited=False, fresh=True)

    @override
    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        backoff = Backoff(base_s=0.01, max_s=1.0)
        fresh = False
        for attempt in range(1, _TRANSACTION_ATTEMPTS_MAX + 1):
            try:
                result = await self._attempt(work, fresh=fresh)
            except ConnectionForgotten:
                if fresh:
                    raise
                fresh = True
                continue
            except (aiomysql.OperationalError, aiomysql.IntegrityError) as error:
                locked = _is_locked(error)
                if not locked and error.args[0] != _KEY_TAKEN:
                    raise
                if attempt == _TRANSACTION_ATTEMPTS_MAX:
                    if not locked:
                        raise
                    raise DatabaseUnavailable("other transactions were in the way at every attempt") from error
            else:
                self._pool.writes.worked()
                return result
            await asyncio.sleep(backoff.wait_s(attempt))
        raise AssertionError("the loop returns or raises")

    @override
    def ready_rows(self, sql: str, rows: Sequence[Params]) -> Sequence[ReadyRow]:
        return written_rows(sql, rows)

    @override
    async def exclusively(self, work: Callable[[Statements], Awaitable[T]]) -> T:
        backoff = Backoff(base_s=0.5, max_s=5.0)
        for attempt in range(1, _EXCLUSIVE_ATTEMPTS_MAX + 1):
            try:
                async with InUse(self._pool, fresh=True) as connection:
                    return await run_exclusively(connection, work)
            except aiomysql.MySQLError as error:
                if error.args[0] in _RIGHT_MISSING:
                    raise RightMissing(f"the database user lacks a right: {error.args[1]}") from None
                if not _is_locked(error):
                    raise
                if attempt == _EXCLUSIVE_ATTEMPTS_MAX:
                    raise DatabaseUnavailable("other transactions were in the way at every attempt") from error
                _log.info("a statement in use holds the change up: it is tried again", attempt=attempt)
            await asyncio.sleep(backoff.wait_s(attempt))
        raise AssertionError("the loop returns or raises")

    @override
    async def run_script(self, statements: Iterable[str]) -> None:
        try:
            async with InUse(self._pool) as connection, connection.cursor() as cursor:
                for statement in statements:
                    await cursor.execute(statement)
        finally:
            self._note(None)  # what these committed is not looked at one by one

    @override
    async def ping(self) -> str | None:
        ((read_only,),) = await self.fetch(READ_ONLY)
        return self._pool.writes.reason or ("it is read-only" if is_on(read_only) else None)

    @override
    async def close(self) -> None:
        await self._pool.close()

    async def _select(self, sql: str, params: Params, *, limited: bool, fresh: bool = False) -> list[Row]:
        async with InUse(self._pool, fresh=fresh) as connection, connection.cursor() as cursor:
            with statement_span(_SYSTEM, sql):
                if not limited:
                    await cursor.execute(sql, params)
                else:
                    async with asyncio.timeout(self._limit_s + _ANSWER_MARGIN_S):
                        await cursor.execute(self._with_limit(connection, sql), params)
            return list(cursor._rows or ())

    async def _select_texts(self, sql: str, params: Params, *, fresh: bool = False) -> list[TextRow]:
        async with InUse(self._pool, fresh=fresh) as connection:
            with statement_span(_SYSTEM, sql):
                limited = self._with_limit(connection, sql)
                return await connection.fetch_texts(limited, params, self._limit_s + _ANSWER_MARGIN_S)

    def _with_limit(self, connection: Connection, sql: str) -> str:
        return _limited(sql, self._limit_s, connection.is_mariadb)

    async def _attempt(self, work: Callable[[Session], Awaitable[T]], *, fresh: bool) -> T:
        async with InUse(self._pool, fresh=fresh) as connection, connection.cursor() as cursor:
            try:
                await self._begin(connection)
                session = MySQLSession(connection, cursor)
                result = await work(session)
                await session.run_deferred()
                async with answered("COMMIT"):
                    await connection.commit()
            except BaseException:
                if connection.committing:
                    self._note(None)
                # The connection may be the very thing that failed: closing it rolls back just as surely.
                connection.close()
                raise
            if self._commits is not None:
                await self._note_position(connection)
            return result

    async def _note_position(self, connection: Connection) -> None:
        """Note where the server is after a COMMIT: asked in the same session, it is the one that has the commit."""
        position = None
        try:
            position = await position_of(connection)
        finally:
            self._note(position)

    def _note(self, position: Position | None) -> None:
        if self._commits is not None:
            self._commits.note(position)

    async def _begin(self, connection: Connection) -> None:
        """Begin a transaction. Raises ConnectionForgotten where that fails on a connection that had been idle."""
        if not connection.reused:
            async with answered("BEGIN"):
                await connection.begin()
            return
        try:
            async with answered("BEGIN", wait_max_s=_BEGIN_WAIT_MAX_S):
                await connection.begin()
        except (aiomysql.Error, OSError) as error:  # a TimeoutError too
            self._pool.losses["connection"] += 1
            self._pool.discard_idle()
            raise ConnectionForgotten("the database does not answer") from error


@lru_cache(1024)
def _limited(sql: str, limit_s: float, is_mariadb: bool) -> str:
    """The statement with its time limit: for the same one the same object, so that its hash is worked out once."""
    if is_mariadb:
        return f"SET STATEMENT max_statement_time={limit_s} FOR {sql}"
    return sql.replace("SELECT", f"SELECT /*+ MAX_EXECUTION_TIME({round(limit_s * 1000)}) */", 1)


def _is_locked(error: aiomysql.MySQLError) -> bool:
    """Whether another transaction was in the way, so that this one is rolled back and may be run again."""
    number, text = error.args[0], str(error.args[1:])
    return number in _LOCKED or (number == COMMIT_FAILED and BY_A_DEADLOCK in text)


def _raise_if_waited_for(error: DatabaseUnavailable) -> None:
    """Raise `error` again where its caller has waited long enough.

    Otherwise a restarted server may have left dead connections in the pool; a SELECT has no effect, and is asked again.
    """
    if isinstance(error.__cause__, TimeoutError):
        raise error
