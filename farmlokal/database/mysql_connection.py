"""One connection to a MySQL or MariaDB server."""

import asyncio
import socket
from typing import Any

import aiomysql
from pymysql.constants import CLIENT, CR

from farmlokal.database.mysql_exchange import WATCHED_CHARS_MAX, ExchangeConnection

_GOODBYE_MAX_S = 1
# Of an answer that the driver reads. A row takes it some ten microseconds, and what is there already it reads without a
# pause: the thousands that one read may bring would keep every request waiting for ten milliseconds and more.
_ROWS_IN_A_TURN = 32
# A COMMIT writes a log to the disk: milliseconds, on a bad day a second. A sender, which waits 15 s or longer, hears of
# it in good time. What the server is seen at work on gets as long once more: a replica that has to confirm it, say.
_COMMIT_WAIT_MAX_S = 4
# The kernel's own defaults are 2 hours of silence before it asks, and 15 minutes of sending again what nobody
# acknowledges. These keep a NAT's entry alive, and end a connection within half a minute of its other end's loss.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}

ServerSession = tuple[int, str]
"""A session as the server lists it: its number, and its client's address, which no other shares."""


class Connection(ExchangeConnection):
    """A connection that would rather fail than sign in without the TLS that was asked for.

    id_step: by how much two ids of one INSERT differ on this connection; None until MySQL was asked for it.
    session: what the server lists it as; None where it is not listed.
    reused: whether the pool has held it idle, so that whatever is between it and the server may have forgotten it.
    kept: whether the pool may keep it. idle_since, ends_at, writer_at: event loop's seconds, the last those at which
    its server was known to be a writer.
    committing: whether a COMMIT is under way, or failed.
    has_positions: of a replica: what it was seen to have. holds_catalogue: whether it was seen to hold the right one.
    """

    id_step: int | None = None
    session: ServerSession | None = None
    reused = False
    kept = True
    idle_since = 0.0
    ends_at = 0.0
    writer_at = 0.0
    committing = False
    has_positions: tuple[str, ...] = ()
    holds_catalogue = False
    _commit_limit: asyncio.Timeout | None = None

    @property
    def sessions_table(self) -> str:
        """The table in which the server lists its sessions.

        MySQL's information_schema makes each row as a whole, and fails with error 3854 (seen with 9.7.4) while any
        session runs a statement with a character beyond the first plane, such as an ideogram in a name.
        """
        return "information_schema.processlist" if self.is_mariadb else "performance_schema.processlist"

    @property
    def ended(self) -> bool:
        """Whether the server's end is closed."""
        return self._reader.eof_received or self._reader.exception() is not None

    async def query(self, sql: str, unbuffered: bool = False) -> int:
        """Send one statement, or several; return how many rows the first changed. Every cursor's statements pass."""
        # A server lists a session as at rest until it has read the whole statement, and a large one takes long.
        if len(sql) <= WATCHED_CHARS_MAX:
            self._ask()
        try:
            return int(await super().query(sql, unbuffered))
        finally:
            self.asked_at = None

    async def begin(self) -> None:
        """Begin a transaction."""
        self._ask()
        try:
            await super().begin()
        finally:
            self.asked_at = None

    async def commit(self) -> None:
        """Commit the transaction. Raises TimeoutError without an answer, unless the server is seen at work on it."""
        self.committing = True
        self._ask()
        try:
            async with asyncio.timeout(_COMMIT_WAIT_MAX_S) as self._commit_limit:
                await super().commit()
        finally:
            self.asked_at = self._commit_limit = None
        self.committing = False

    def seen_at_work(self) -> None:
        """The server has the statement under way. A COMMIT gets its time once more."""
        if self._commit_limit is not None:
            self._commit_limit.reschedule(self._loop.time() + _COMMIT_WAIT_MAX_S)

    async def say_goodbye(self) -> None:
        """Close the connection in good order, which under TLS both sides have to agree on. Waits a second at most."""
        writer = self._writer
        if writer is None:  # it is closed
            return
        try:
            async with asyncio.timeout(_GOODBYE_MAX_S):
                await self.ensure_closed()
                await writer.wait_closed()
        except OSError:  # a TimeoutError too
            writer.transport.abort()
            self.close()

    async def _read_packet(self, *args: Any) -> Any:
        """The next part of an answer, a row for one; a few of them in a turn of the event loop."""
        found = await super()._read_packet(*args)
        if self._next_seq_id % _ROWS_IN_A_TURN == 0:
            if self.asked_at is not None:
                self.asked_at = self._loop.time()
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._close_on_cancel()  # as where the driver waits: what is still to come is nobody's answer
                raise
        return found

    def _set_keep_alive(self) -> None:
        super()._set_keep_alive()
        connected = self._writer.transport.get_extra_info("socket")
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):  # Linux has them all
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    async def _request_authentication(self) -> None:
        if self._ssl_context is not None and not self.server_capabilities & CLIENT.SSL:
            raise aiomysql.OperationalError(CR.CR_SSL_CONNECTION_ERROR, "the server has no TLS")
        await super()._request_authentication()


class Cursor(aiomysql.Cursor):  # type: ignore[misc]
    """A cursor that does not fetch the server's warnings.

    They report what we intended: that a table exists already, that INSERT IGNORE ignored a row. Strict mode makes
    errors of the rest.
    """

    async def _show_warnings(self, connection: Any) -> None:
        pass
