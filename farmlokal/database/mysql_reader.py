"""One replica that pages may be loaded from, in the place of the writer."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import aiomysql

from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import Params, TextRow
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_exchange import Ahead
from farmlokal.database.mysql_in_use import InUse
from farmlokal.database.mysql_pool import MySQLPool
from farmlokal.database.mysql_position import has_positions, question_of
from farmlokal.database.mysql_texts import FollowedResult
from farmlokal.errors import (
    ConnectionForgotten,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    ReaderAway,
    ReaderBehind,
    StatementTimeout,
)
from farmlokal.resilience.ending import end
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.state_log import StateLog
from farmlokal.telemetry.tracing import statement_span

_log = get_logger(__name__)

_SYSTEM = "mysql"
_IDENTITY = "SELECT identity FROM catalogue WHERE id = 1"
# A load that finds no connection, or no answer about the position, within this time is better made elsewhere.
READY_MAX_S = 0.5
# While others answer nobody waits for one that is away: it is asked behind, more and more rarely where loads go on
# failing.
_ASK_AGAIN_S, _ASK_AGAIN_MAX_S = 1.0, 60.0
_ANSWER_MARGIN_S = 1


class MySQLReader:
    """The replica at `address`, with a pool of its own.

    behind: whether the last load that asked found it without what that had to have seen.
    """

    def __init__(
        self,
        address: MySQLAddress,
        *,
        pool_size: int,
        statement_limit_ms: int,
        with_limit: Callable[[Connection, str], str],
    ) -> None:
        """with_limit: gives a SELECT the statement time limit of the server at that connection."""
        self._with_limit = with_limit
        self._address = address
        self._state = StateLog(
            _log,
            f"reader {address}",
            away="a reader of the database is away: listings are loaded elsewhere",
            back="the reader of the database is back",
        )
        self._pool = MySQLPool(address, pool_size, writer=False, state=self._state)
        self._limit_s = statement_limit_ms / 1000
        self._identity: str | None = None
        self._asking: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()  # somebody waits for it: it is asked at once
        self._failures = 0  # since the last load
        self.behind = False

    def __repr__(self) -> str:
        return f"<MySQLReader {self._pool!r} up={self.up} behind={self.behind}>"

    @property
    def up(self) -> bool:
        """Whether it may be asked: it did not fail, or has answered again since."""
        return self._asking is None

    def belong_to(self, identity: str) -> None:
        """From now on it is one where it holds the catalogue with this identity."""
        self._identity = identity

    async def fetch_texts(self, sql: str, params: Params, needed: tuple[str, ...]) -> list[TextRow]:
        """Returns the rows of one SELECT, undecoded, with everything that is `needed` in what was read.

        needed: as Needed.positions. Raises ReaderBehind where it has not come that far, ReaderAway where it does not
        answer or refuses, and StatementTimeout.
        """
        try:
            try:
                found = await self._fetch_texts(sql, params, needed, fresh=False)
            except ConnectionForgotten:
                found = await self._fetch_texts(sql, params, needed, fresh=True)
        except (ReaderBehind, StatementTimeout):
            raise
        except (DatabaseUnavailable, aiomysql.Error, OSError) as error:
            raise self._left(error) from error
        self._failures = 0
        return found

    async def check(self) -> str | None:
        """Return what keeps loads from being made here, None where nothing does. Raises DatabaseUnavailable."""
        try:
            async with InUse(self._pool) as connection:
                connection.holds_catalogue = False  # so that it is asked
                await self._expect_catalogue(connection)
        except aiomysql.Error as error:
            raise DatabaseUnavailable("it cannot be read", reason=str(error)) from error
        return "it lacks commits that loads have to have seen" if self.behind else None

    def ask_now(self) -> asyncio.Task[None] | None:
        """Ask it without more ado: its caller has nobody else. Returns what ends once it is up; None where it is."""
        self._wanted.set()
        return self._asking

    async def close(self) -> None:
        """Close every connection."""
        if self._asking is not None:
            await end([self._asking])
        await self._pool.close()

    async def _fetch_texts(self, sql: str, params: Params, needed: tuple[str, ...], *, fresh: bool) -> list[TextRow]:
        async with asyncio.timeout(READY_MAX_S) as until_ready, InUse(self._pool, fresh=fresh) as connection:
            await self._expect_catalogue(connection)
            ahead = None
            if self._is_to_be_asked(connection, needed):
                question = question_of(connection, needed)
                if self.behind:  # and is again, more likely than not: then the page would be read for nothing
                    rows = await connection.fetch_texts(question, (), READY_MAX_S)
                    self._judge(connection, needed, rows)
                else:
                    ahead = Ahead(question, FollowedResult(), lambda: until_ready.reschedule(None))
            if ahead is None:
                until_ready.reschedule(None)
            with statement_span(_SYSTEM, sql):
                limited = self._with_limit(connection, sql)
                limit_s = self._limit_s + _ANSWER_MARGIN_S
                found = await connection.fetch_texts(limited, params, limit_s, ahead=ahead)
            if ahead is not None:
                self._judge(connection, needed, ahead.result.rows)
            return found

    def _is_to_be_asked(self, connection: Connection, needed: tuple[str, ...]) -> bool:
        """Whether it is not known that the server at `connection` has what is needed.

        A server that had it has it still, and a connection leads to one server: it is asked once for each position.
        """
        return bool(needed) and connection.has_positions != needed

    def _judge(self, connection: Connection, needed: tuple[str, ...], rows: Sequence[TextRow]) -> None:
        """Raise ReaderBehind unless the server had what is needed before it read. rows: its answer to the question."""
        self.behind = not has_positions(connection, needed, rows)
        if self.behind:
            raise ReaderBehind("the replica lacks what the load has to have seen")
        connection.has_positions = needed

    async def _expect_catalogue(self, connection: Connection) -> None:
        if connection.holds_catalogue:
            return
        rows = await connection.fetch_texts(_IDENTITY, (), READY_MAX_S)
        if not rows or rows[0][0] != (self._identity or "").encode():
            raise DatabaseMisconfigured("it holds another catalogue", reason="its identity is not the writer's")
        connection.holds_catalogue = True

    def _left(self, error: Exception) -> ReaderAway:
        """What a failure is for our callers; the replica is asked behind from now on, until it answers."""
        reason = getattr(error, "reason", "") or str(error) or "no answer in time"
        self._state.failed(reason)
        self._failures += 1
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_again(), name=f"reader {self._address}")
        return ReaderAway("the replica cannot be read", reason=reason)

    async def _ask_again(self) -> None:
        answered = False
        while not answered:
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_ASK_AGAIN_S * 2 ** min(self._failures - 1, 6), _ASK_AGAIN_MAX_S)):
                    await self._wanted.wait()
            with suppress(DatabaseUnavailable, OSError):
                await self.check()
                answered = True
        self._asking = None
