"""Schema changes on a MySQL or MariaDB server: by one process at a time, and without holding up those that serve."""

from collections.abc import Awaitable, Callable

import aiomysql
from typing_extensions import override

from farmlokal.database.interface import Params, Row, Statements, T
from farmlokal.database.mysql_connection import Connection
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# The server has one space of names for the locks of all databases, and takes 64 characters.
_GET_LOCK = "SELECT GET_LOCK(CONCAT('farmlokal.schema.', LEFT(SHA2(DATABASE(), 256), 32)), %s)"
_LOG_AFTER_S = 1
_ASK_AGAIN_S = 60
# An ALTER TABLE that waits for a running statement holds up all that come after it. So it waits for the shortest time
# that there is, gives up, and is tried again.
_TABLE_LOCK_WAIT_MAX_S = 1


class ExclusiveStatements(Statements):
    """The statements of the one process that changes the schema. None has a time limit: an index may take minutes."""

    def __init__(self, cursor: aiomysql.Cursor) -> None:
        self._cursor = cursor

    @override
    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        await self._cursor.execute(sql, params)
        return list(self._cursor._rows or ())

    @override
    async def execute(self, sql: str, params: Params = ()) -> int:
        return int(await self._cursor.execute(sql, params))


async def run_exclusively(connection: Connection, work: Callable[[Statements], Awaitable[T]]) -> T:
    """Run `work` in a transaction while no other connection is in here for this database. Returns its result.

    The connection is closed afterwards. Where the client was killed instead, the server keeps the lock until it is done
    with the statement at hand, so that nobody begins it a second time meanwhile.
    """
    async with connection.cursor() as cursor:
        try:
            statements = ExclusiveStatements(cursor)
            await _wait_for_lock(statements)
            await statements.execute(f"SET SESSION lock_wait_timeout = {_TABLE_LOCK_WAIT_MAX_S}")
            await connection.begin()
            result = await work(statements)
            await connection.commit()
            return result
        finally:
            connection.close()


async def _wait_for_lock(statements: Statements) -> None:
    wait_s = _LOG_AFTER_S
    while True:
        ((locked,),) = await statements.fetch(_GET_LOCK, (wait_s,))
        if locked == 1:
            return
        if wait_s == _LOG_AFTER_S:
            _log.info("another process changes the schema: waiting for it")
        wait_s = _ASK_AGAIN_S
