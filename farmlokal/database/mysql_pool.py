"""The connections to one MySQL or MariaDB server.

aiomysql has a pool of its own, but that one opens connections one after another, waits for the greeting of a paused
server for ever, and at its end for a connection that broke meanwhile.
"""

import asyncio
import ssl

import aiomysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions

from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import PoolUse
from farmlokal.database.mysql_connection import Connection, Cursor
from farmlokal.errors import DatabaseUnavailable
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.state_log import StateLog

_log = get_logger(__name__)

_CONNECT_TIMEOUT_S = 5
# A request that finds no free connection within this time is better refused than queued behind the others.
_WAIT_MAX_S = 5

# DECIMAL stays the text that the server sent, and DATETIME becomes RFC 3339: what goes out on the wire anyway.
_CONVERSIONS = {
    **conversions,
    FIELD_TYPE.DECIMAL: str,
    FIELD_TYPE.NEWDECIMAL: str,
    FIELD_TYPE.DATETIME: lambda text: f"{text[:10]}T{text[11:19]}Z",
}
# Explicit, because the driver's escaping and our NOT NULLs rely on it whatever the server's default.
_SQL_MODE = "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
# The server's own default is to wait 50 s for a row's lock; ours are held for the length of one batch.
_LOCK_WAIT_MAX_S = 5
_SESSION = (
    f"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION innodb_lock_wait_timeout = {_LOCK_WAIT_MAX_S}"
)


class MySQLPool:
    """At most `size` connections, opened when they are needed. Raises DatabaseUnavailable where there is none."""

    def __init__(self, address: MySQLAddress, size: int) -> None:
        self._address = address
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []  # the last one used is the next one: the others may grow old and be closed
        self._in_use: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None
        self._waiting = 0
        self._closed = False
        self.state = StateLog(
            _log,
            "database",
            away="the database is away: answering from what is cached",
            back="the database is back",
            begins_up=False,
        )

    def __repr__(self) -> str:
        return f"<MySQLPool {self._address} in_use={len(self._in_use)} idle={len(self._idle)} size={self._size}>"

    @property
    def use(self) -> PoolUse:
        """The use of the connections now."""
        return PoolUse(len(self._in_use), len(self._idle), self._waiting)

    async def acquire(self) -> Connection:
        """Returns a connection, which its caller has to `release`. Raises DatabaseUnavailable."""
        if self._free.locked():
            await self._wait_for_slot()
        else:
            await self._free.acquire()
        try:
            connection = self._pop_idle() or await self._connect()
        except BaseException:
            self._free.release()
            raise
        self._in_use.add(connection)
        return connection

    def release(self, connection: Connection) -> None:
        """Keep `connection` for the next one, unless it broke or was left in the middle of a transaction."""
        self._in_use.discard(connection)
        if self._closed or connection.closed or connection.get_transaction_status():
            connection.close()
        else:
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        """Close every connection at once; a statement that still runs on one fails as if the server had gone."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*[connection.say_goodbye() for connection in idle])
        for connection in self._in_use:
            connection.abort()

    async def _wait_for_slot(self) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(_WAIT_MAX_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(f"no database connection was free within {_WAIT_MAX_S} s") from error
        finally:
            self._waiting -= 1

    def _pop_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            # The server may have ended it meanwhile: it restarted, or the connection was idle for too long.
            if not connection.ended:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection:
        if self._closed:
            raise DatabaseUnavailable("the connections to the database are closed")
        connection = Connection(
            host=self._address.host,
            port=self._address.port,
            user=self._address.user,
            # The driver sends Latin-1; this way what it sends are the bytes of UTF-8, as other clients do.
            password=self._address.password.encode().decode("latin-1"),
            db=self._address.database,
            unix_socket=self._address.unix_socket,
            ssl=self._tls_context(),
            charset="utf8mb4",
            sql_mode=_SQL_MODE,
            init_command=_SESSION,
            autocommit=True,
            conv=_CONVERSIONS,
            cursorclass=Cursor,
        )
        try:
            # The driver's own limit ends with the TCP handshake, which a paused server's kernel still answers.
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await connection._connect()
        except BaseException as error:
            connection.close()
            if isinstance(error, (aiomysql.Error, OSError)):
                self.state.failed(str(error) or type(error).__name__)
                raise DatabaseUnavailable("no connection to the database could be made") from error
            raise
        self.state.worked()
        return connection

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._address.ssl_ca and self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=self._address.ssl_ca)
            except OSError as error:
                raise DatabaseUnavailable("the certificates in ssl_ca cannot be read") from error
        return self._tls
