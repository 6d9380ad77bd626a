"""A connection of the pool for a block, and the driver's errors as ours."""

import aiomysql

from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_pool import MySQLPool
from farmlokal.errors import DatabaseUnavailable, StatementTimeout

_TIMED_OUT = frozenset({1969, 3024})  # MariaDB's max_statement_time, MySQL's MAX_EXECUTION_TIME
# Server shutdown, connection killed or gone, MySQL's goodbye to an idle client.
_LOST = frozenset({1053, 1077, 1080, 1927, 2006, 2013, 2055, 4031})


class InUse:
    """Acquires a connection of `pool`, and releases it. A class, not a generator: every page passes here.

    Raises DatabaseUnavailable and StatementTimeout in the place of what the driver raises.
    """

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: MySQLPool) -> None:
        self._pool = pool
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        try:
            self._connection = await self._pool.acquire()
        except DatabaseUnavailable as error:
            error.reported = self._pool.state.away_logged
            raise
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._connection is not None:
            self._pool.release(self._connection)
        if error is None:
            self._pool.state.worked()
            return
        mapped = self._mapped(error)
        if isinstance(mapped, DatabaseUnavailable):
            mapped.reported = self._pool.state.away_logged
        if mapped is not error:
            raise mapped from error

    def _mapped(self, error: BaseException) -> BaseException:
        if isinstance(error, (aiomysql.OperationalError, aiomysql.InterfaceError)):
            if error.args[0] in _TIMED_OUT:
                return StatementTimeout("the query ran into the statement time limit")
            if error.args[0] in _LOST or isinstance(error, aiomysql.InterfaceError):
                return DatabaseUnavailable("the connection to the database was lost")
        elif isinstance(error, OSError):  # a TimeoutError too
            self._pool.state.failed("no answer in time")
            return DatabaseUnavailable("the database does not answer")
        return error
