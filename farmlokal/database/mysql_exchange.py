"""The shorter way on a connection to a MySQL or MariaDB server, past the driver: one write, and one read or few.

SELECTs of texts take it, prepared where they come again, and what a transaction changes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any, NamedTuple

import aiomysql
from pymysql.constants import COMMAND, CR, ER

from farmlokal.database.interface import Params, T, TextRow
from farmlokal.database.mysql_plain_values import fill_plain
from farmlokal.database.mysql_prepared import (
    Kinds,
    Preparation,
    PreparedResult,
    PreparedStatements,
    execution,
    kinds_of,
    packet,
)
from farmlokal.database.mysql_texts import Answer, Executed, FollowedResult, TextResult, connection_lost

# What the driver puts a backslash before, or doubles, in a text.
_ESCAPED = re.compile("[\0\n\r\x1a\"'\\\\]")
# Statements are formatted: `%s` stands for a parameter, and a % for itself is doubled.
_FORMAT = re.compile("%(.)")
# More than a page has: its answer is one read, unless it comes in pieces.
_READ_BYTES = 2**18
# One packet, as every statement is that selects texts.
_STATEMENT_BYTES_MAX = 2**24 - 16
# The server has as many prepared statements as it takes, or does not prepare such a one.
_NOT_TO_PREPARE = frozenset({ER.MAX_PREPARED_STMT_COUNT_REACHED, ER.UNSUPPORTED_PS})
# It has forgotten one, or its tables have changed and it could not prepare it again.
_NOT_PREPARED = frozenset({ER.UNKNOWN_STMT_HANDLER, 1615})
# Of a MariaDB: whether a table has a column that the server makes of others.
_FIND_GENERATED = (
    "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND is_generated = 'ALWAYS' LIMIT 1"
)
# Whatever a request asks or an event changes is shorter; what is longer is bulk work, which has time.
WATCHED_CHARS_MAX = 2**14


class Ahead(NamedTuple):
    """A SELECT that goes in front of another on the same way: the server is done with it before it begins the other.

    result: its answer. answered: called once that is here.
    """

    sql: str
    result: FollowedResult
    answered: Callable[[], object]


class ExchangeConnection(aiomysql.Connection):  # type: ignore[misc]
    """The driver's connection, and the shorter way beside it.

    asked_at: event loop's seconds at which the statement under way was sent, or rows of its answer were read last: the
    server rests while we still read. None between statements, and while a statement of bulk work or the rest of several
    statements is under way.
    patience_s: how long it may go unanswered before the server is asked about it.
    """

    asked_at: float | None = None
    patience_s = 0.0
    _gave_up = False
    _ahead: Ahead | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepared = PreparedStatements()
        # Of a MariaDB: whether no table was seen to have a generated column.
        self._all_plain = False

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is a MariaDB, and not a MySQL."""
        return "MariaDB" in self.server_version

    def escape(self, obj: Any) -> str:
        """`obj` as it stands in a statement. The driver's own, but for the most frequent kinds that need no change.

        Rows have some thirty values: there this takes a third of the time.
        """
        kind = type(obj)
        if kind is str and _ESCAPED.search(obj) is None:
            return f"'{obj}'"
        if kind is int:
            return str(obj)
        if obj is None:
            return "NULL"
        if kind is float and isfinite(obj):
            text = repr(obj)
            return text if "e" in text else f"{text}e0"
        return str(super().escape(obj))

    def escape_all(self, values: Params) -> tuple[str, ...]:
        """What `escape` gives for each of `values`; calls for the most frequent kinds would take as long again."""
        return tuple(
            [
                f"'{value}'"
                if type(value) is str and _ESCAPED.search(value) is None
                else str(value)
                if type(value) is int
                else "NULL"
                if value is None
                else self.escape(value)
                for value in values
            ]
        )

    def filled(self, marks: str, values: Params) -> str:
        """`marks % escape_all(values)`, in half of its time where no text needs a change: a row of an INSERT."""
        return fill_plain(marks, values) or marks % self.escape_all(values)

    async def fetch_texts(
        self, sql: str, params: Params, wait_max_s: float, *, ahead: Ahead | None = None, preparing: bool = True
    ) -> list[TextRow]:
        """The rows of one SELECT, each column as the text that the server has for it.

        ahead: what is to be answered before, in the same round trip. preparing: whether to prepare a statement that
        comes again. Raises what the driver raises, and TimeoutError when no answer has come within `wait_max_s`
        seconds.
        """
        self._ahead = ahead
        answer = self._prepared_or_text(sql, params) if preparing else self._filled_in(sql, params)
        return await self._in_time(answer, wait_max_s)

    async def texts_of(self, sql: str, wait_max_s: float) -> list[TextRow]:
        """What `fetch_texts` gives, for a statement whose parameters stand in it: an INSERT … RETURNING, too."""
        return await self._in_time(self._texts(sql), wait_max_s)

    async def run(self, sql: str, wait_max_s: float) -> None:
        """Run one statement that changes rows, or several with semicolons between them, as one exchange.

        What the first that fails raises is raised, and those behind it are not run. Raises as `fetch_texts` does.
        """
        await self._in_time(self._exchange(_query(sql), Executed()), wait_max_s)

    async def _in_time(self, answer: Awaitable[T], wait_max_s: float) -> T:
        timer = self._loop.call_later(wait_max_s, self._give_up)
        try:
            return await answer
        except (aiomysql.InternalError, asyncio.CancelledError):
            # What is still to come would be taken for the next statement's answer.
            self.close()
            raise
        except aiomysql.OperationalError as error:
            if error.args[0] == CR.CR_SERVER_LOST:
                self.close()
                if self._gave_up:
                    raise TimeoutError from error
            raise
        finally:
            self.asked_at = None
            timer.cancel()

    def abort(self) -> None:
        """Close the connection at once: a caller that waits for an answer meets its end."""
        if self._writer is not None:
            self._writer.transport.abort()

    def _ask(self) -> None:
        self.asked_at, self.patience_s = self._loop.time(), 0.0

    async def _prepared_or_text(self, sql: str, params: Params) -> list[TextRow]:
        found = await self._prepared_texts(sql, params)
        return await self._filled_in(sql, params) if found is None else found

    async def _filled_in(self, sql: str, params: Params) -> list[TextRow]:
        return await self._texts(sql % self.escape_all(params))

    async def _texts(self, sql: str) -> list[TextRow]:
        result = TextResult()
        await self._exchange(_query(sql), result)
        return result.rows

    async def _prepared_texts(self, sql: str, params: Params) -> list[TextRow] | None:
        """The rows of a prepared statement; None where it is not prepared, or the server does not know it any more."""
        kinds = kinds_of(params)
        statement_id = self._prepared.find(sql, kinds)
        if statement_id is None and self._prepared.is_worth(sql):
            statement_id = await self._prepare(sql, kinds)
        sent = None if statement_id is None else execution(statement_id, params)
        if sent is None:
            return None
        result = PreparedResult()
        try:
            await self._exchange(sent, result)
        except aiomysql.OperationalError as error:
            if error.args[0] not in _NOT_PREPARED:
                raise
            self._prepared.drop(sql)
            return None
        if not result.readable:
            self._writer.write(self._prepared.keep_as_text(sql))
            return None
        return result.rows

    async def _prepare(self, sql: str, kinds: Kinds) -> int | None:
        """Have the server prepare a statement. Returns its number; None where that is of no use."""
        if self.is_mariadb and not self._all_plain:
            self._all_plain = not await self._texts(_FIND_GENERATED)
            if not self._all_plain:
                # A catalogue whose upgrade is not finished: see `findings/prepared-select-loses-its-covering-index.sh`.
                self._prepared.refuse()
                return None
        answer = Preparation()
        text = _FORMAT.sub(lambda mark: "?" if mark[1] == "s" else mark[1], sql)
        try:
            await self._exchange(packet(COMMAND.COM_STMT_PREPARE, text.encode()), answer)
        except aiomysql.Error as error:
            if error.args[0] not in _NOT_TO_PREPARE:
                raise
            self._prepared.refuse()
            return None
        if forgetting := self._prepared.keep(sql, kinds, answer.statement_id):
            self._writer.write(forgetting)
        return answer.statement_id

    async def _exchange(self, sent: bytes, answer: Answer) -> None:
        self._ensure_alive()
        if len(sent) <= WATCHED_CHARS_MAX:
            self._ask()
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            self._writer.write(sent)
        else:
            self._writer.write(packet(COMMAND.COM_QUERY, ahead.sql.encode()) + sent)
            answer.feed(await self._rest_after(ahead))
        await self._read_all(answer)

    async def _rest_after(self, ahead: Ahead) -> bytes:
        """Read the answer to `ahead`. Returns what has come of the next one."""
        try:
            await self._read_all(ahead.result)
        except aiomysql.Error:
            self.close()  # the other statement's answer is still to come
            raise
        ahead.answered()
        return ahead.result.unread

    async def _read_all(self, answer: Answer) -> None:
        while not answer.done:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError as error:
                raise connection_lost() from error
            if not data:
                raise connection_lost()
            answer.feed(data)

    def _give_up(self) -> None:
        self._gave_up = True
        self.abort()


def _query(sql: str) -> bytes:
    """The packet that has the server run statements."""
    statements = sql.encode()
    if len(statements) > _STATEMENT_BYTES_MAX:
        raise aiomysql.DataError(CR.CR_NET_PACKET_TOO_LARGE, "the statement is too long")
    return packet(COMMAND.COM_QUERY, statements)
