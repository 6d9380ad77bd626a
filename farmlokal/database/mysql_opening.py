"""Opening one connection to a MySQL or MariaDB server, with the session that our statements rely on."""

import asyncio
import os
import socket
import ssl

import aiomysql
from pymysql.constants import CR, FIELD_TYPE
from pymysql.converters import conversions

from farmlokal.database.address import MySQLAddress
from farmlokal.database.mysql_connection import Connection, Cursor
from farmlokal.errors import DatabaseMisconfigured, DatabaseUnavailable

# How long each try may take. One that is silent is given up for the next: it may have been forgotten on its way. The
# last has time enough for a server that is slow.
_TRIES_S = (1.0, 1.5, 2.5)

# DECIMAL stays the text that the server sent, and DATETIME becomes RFC 3339: what goes out on the wire anyway.
_CONVERSIONS = {
    **conversions,
    FIELD_TYPE.DECIMAL: str,
    FIELD_TYPE.NEWDECIMAL: str,
    FIELD_TYPE.DATETIME: lambda text: f"{text[:10]}T{text[11:19]}Z",
}

# The server ends a session that has been silent for so long: longer than the pool keeps a connection idle, and short
# enough for the locks of a transaction whose connection was lost on its way. The server's own default is 8 hours.
SERVER_WAITS_S = 120
# The server's own default is to wait 50 s for a row's lock; ours are held for the length of one batch.
_LOCK_WAIT_MAX_S = 5

# What a session begins with is the server's configuration, or its last SET GLOBAL; our statements rely on these.
# MySQL skips what stands in /*M! */, MariaDB what stands in /*!50708 */.
_VARIABLES = {
    # The driver's escaping and our NOT NULLs.
    "sql_mode": "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    # Walks, counts and look-ups without a LIMIT get all their rows, however many the optimiser expects.
    "sql_select_limit": "18446744073709551615",
    "sql_big_selects": "1",
    # `id IS NULL` finds nothing, and not the row inserted last.
    "sql_auto_is_null": "0",
    # An UPDATE or DELETE may find its rows without a key; two rows never share a unique one.
    "sql_safe_updates": "0",
    "unique_checks": "1",
    # COMMIT ends the transaction, begins no other, and leaves the connection open.
    "completion_type": "'NO_CHAIN'",
    # Texts are ordered by all that they hold.
    "max_sort_length": "1024",
    "time_zone": "'+00:00'",
    # Reasons in the log are the ones that the runbooks name.
    "lc_messages": "'en_US'",
    "innodb_lock_wait_timeout": str(_LOCK_WAIT_MAX_S),
    "wait_timeout": str(SERVER_WAITS_S),
}
# Several lists of values make as many ranges as their lengths multiplied. Beyond 8 MB of them a MySQL would read the
# whole index; so would a MariaDB beyond 16,000 (`optimizer_max_sel_args`), unless it leaves out the last columns of the
# index before. By itself it does so from 32,000 on; from 2000 on, none of 150 questions with four lists came to the
# limit, and planning them took a third of the time. 500 names, the longest list, are fewer, with a position as well.
RANGES_WEIGHT_MAX = 2000
_UNLIMITED = (
    "/*!50708 , max_execution_time = 0, range_optimizer_max_mem_size = 0 *//*M!100101 , max_statement_time = 0 */"
    f"/*M!100509 , optimizer_max_sel_arg_weight = {RANGES_WEIGHT_MAX} */"
)
_SESSION = "; ".join(
    [
        # What the driver names in its greeting, which a server may be told to ignore.
        "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
        f"SET {', '.join(f'SESSION {name} = {value}' for name, value in _VARIABLES.items())}{_UNLIMITED}",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        "SELECT id, host FROM {sessions} WHERE id = CONNECTION_ID()",
    ]
)

# Wrong user, password or rights; no such database; this machine is not let in; no TLS where it was asked for.
_MISCONFIGURED = frozenset({1044, 1045, 1049, 1130, 1698, CR.CR_SSL_CONNECTION_ERROR})

_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_NOT_CONNECTED = "no connection to the database could be made"


class ConnectionOpener:
    """Opens connections to the server at one address, each time by its name."""

    def __init__(self, address: MySQLAddress) -> None:
        self._address = address
        self._tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"<ConnectionOpener {self._address}>"

    async def open(self) -> Connection:
        """Returns a new connection.

        Raises DatabaseUnavailable, which has the reason; DatabaseMisconfigured where waiting would not help.
        """
        try:
            return await self._tried()
        except (aiomysql.Error, OSError) as error:
            raise self._unavailable(error) from error

    async def _tried(self) -> Connection:
        """What the first try returns that is not lost. One that is broken off is made good once."""
        *before, last_s = _TRIES_S
        broken = False
        for limit_s in before:
            try:
                return await self._opened_within(limit_s)
            except TimeoutError:
                pass
            except aiomysql.OperationalError as error:
                if broken or not _is_broken_off(error):
                    raise
                broken = True
        return await self._opened_within(last_s)

    async def _opened_within(self, limit_s: float) -> Connection:
        # The driver's own limit ends with the TCP handshake, which a paused server's kernel still answers.
        async with asyncio.timeout(limit_s):
            return await self._opened()

    async def _opened(self) -> Connection:
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
            autocommit=True,
            conv=_CONVERSIONS,
            cursorclass=Cursor,
        )
        try:
            await connection._connect()
            await _begin_session(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._address.ssl_ca and self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=self._address.ssl_ca)
            except OSError as error:  # an SSLError too
                why = "no certificates" if isinstance(error, ssl.SSLError) else os.strerror(error.errno or 0)
                raise DatabaseMisconfigured(
                    "the certificates in ssl_ca cannot be read", reason=f"{self._address.ssl_ca}: {why}"
                ) from error
        return self._tls

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        """What `error`, with which a connection failed, is for our callers."""
        kind: type[DatabaseUnavailable]
        place = self._address.unix_socket or f"{self._address.host}:{self._address.port}"
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = f"its certificate is not accepted: {cause.verify_message}"
                return DatabaseMisconfigured(_NOT_CONNECTED, reason=f"{place}: {why}")
            if isinstance(cause, socket.gaierror):
                # Another number is a name server that does not answer, which may come back.
                kind = DatabaseMisconfigured if cause.errno in _NO_SUCH_HOST else DatabaseUnavailable
                return kind(_NOT_CONNECTED, reason=f"{self._address.host}: {cause.strerror}")
            if isinstance(cause, OSError) and cause.errno:
                # asyncio's text for a refused connection is its own, and names the address again.
                why = str(cause) if isinstance(cause, ssl.SSLError) else os.strerror(cause.errno)
                return DatabaseUnavailable(_NOT_CONNECTED, reason=f"{place}: {why}")
        if isinstance(error, TimeoutError):
            return DatabaseUnavailable(_NOT_CONNECTED, reason=f"{place}: no answer within {sum(_TRIES_S):g} s")
        kind = DatabaseMisconfigured if error.args[0] in _MISCONFIGURED else DatabaseUnavailable
        return kind(_NOT_CONNECTED, reason=f"{place}: {error}")


async def _begin_session(connection: Connection) -> None:
    async with connection.cursor() as cursor:
        await cursor.execute(_SESSION.replace("{sessions}", connection.sessions_table))
        while await cursor.nextset():
            pass
        # A proxy that spreads statements over servers may list another number, or none.
        connection.session = next(iter(cursor._rows or ()), None)


def _is_broken_off(error: aiomysql.OperationalError) -> bool:
    """Whether the connection was lost on the way, and not refused."""
    return error.args[0] == CR.CR_SERVER_LOST or isinstance(error.__cause__, (ConnectionResetError, BrokenPipeError))


def _causes(error: BaseException | None) -> list[BaseException]:
    """`error` and what led to it, the first cause first."""
    causes: list[BaseException] = []
    while error is not None:
        causes.insert(0, error)
        error = error.__cause__ or error.__context__
    return causes
