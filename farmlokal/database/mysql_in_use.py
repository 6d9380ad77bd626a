"""A connection of the pool for a block, and the driver's errors as ours."""

import aiomysql

from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_pool import MySQLPool
from farmlokal.errors import CommitUnknown, ConnectionForgotten, DatabaseUnavailable, StatementTimeout

_TIMED_OUT = frozenset({1969, 3024})  # MariaDB's max_statement_time, MySQL's MAX_EXECUTION_TIME
# On a plain SELECT: a Galera node that waits for what the others had committed before (wsrep_sync_wait) gave up.
_NOT_IN_STEP = 1205
# Server shutdown, connection killed or gone, MySQL's goodbye to an idle client.
_LOST = frozenset({1053, 1077, 1080, 1927, 2006, 2013, 2055, 4031})
# Expelled from its group, not yet back in it, or without the others: reads are refused as well. 1047 is Galera's, the
# others are those of Group Replication, where reads wait for what other members wrote.
_OUT_OF_GROUP = frozenset({1047, 3796, 3797, 3798, 3799})
# Those, a group's refusal of a COMMIT, and read-only, as a server is while another takes its place.
_NO_WRITER = _OUT_OF_GROUP | {1290, 1792, 1836, 1874, 3100}
# A COMMIT that failed. What is rolled back for certain is what met a deadlock, the storage engine's error 149: that is
# how a MySQL says, late, that the group decided for another member's transaction. A Galera node says it without, of one
# that it was at when it lost the majority.
COMMIT_FAILED, BY_A_DEADLOCK = 1180, "error 149 "
# A statement names an index that a load of many rows has taken away (late_indexes).
_INDEX_MISSING = 1176
# Its disk or its table is full.
_FULL = frozenset({1021, 1114})
# At a COMMIT: whether all members have dropped the transaction is not known to us.
_HOOK_FAILED = 3100


class InUse:
    """Acquires a connection of `pool`, and releases it. A class, not a generator: every page passes here.

    Raises DatabaseUnavailable and StatementTimeout in the place of what the driver raises.
    """

    __slots__ = ("_connection", "_fresh", "_pool")

    def __init__(self, pool: MySQLPool, *, fresh: bool = False) -> None:
        """fresh: whether it has to be a new connection, because one that had been idle was of no use."""
        self._pool = pool
        self._fresh = fresh
        self._connection: Connection

    async def __aenter__(self) -> Connection:
        try:
            self._connection = await self._pool.acquire(fresh=self._fresh)
        except DatabaseUnavailable as error:
            error.reported = self._pool.state.away_logged
            raise
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        connection = self._connection
        if error is None:
            self._pool.release(connection)
            self._pool.worked()
            return
        mapped = self._mapped(error, connection)
        self._pool.release(connection)
        if isinstance(mapped, DatabaseUnavailable):
            mapped.reported = mapped.reported or self._pool.state.away_logged
        if mapped is not error:
            raise mapped from error

    def _mapped(self, error: BaseException, connection: Connection) -> BaseException:
        if isinstance(error, (aiomysql.OperationalError, aiomysql.InterfaceError)):
            return self._mapped_by_number(error, connection)
        if isinstance(error, OSError):  # a TimeoutError too
            self._pool.state.failed("no answer in time")
            self._pool.discard_idle()
            if connection.committing:
                return self._unknown(connection)
            return DatabaseUnavailable("the database does not answer", reason="no answer in time")
        return error

    def _mapped_by_number(self, error: aiomysql.Error, connection: Connection) -> Exception:
        number = error.args[0]
        if number in _TIMED_OUT:
            return StatementTimeout("the query ran into the statement time limit")
        if number == _NOT_IN_STEP and not connection.get_transaction_status():
            return StatementTimeout("the database waited too long for the rest of its group")
        if number in _LOST or isinstance(error, aiomysql.InterfaceError):
            # What was lost before its COMMIT is rolled back.
            if connection.committing:
                return self._unknown(connection)
            self._pool.losses["connection"] += 1
            return ConnectionForgotten("the connection to the database was lost")
        if number == COMMIT_FAILED and connection.committing and BY_A_DEADLOCK not in str(error.args[1:]):
            return self._unknown(connection)
        if number == _INDEX_MISSING:
            return DatabaseUnavailable("the catalogue is being filled", reason=str(error))
        return self._refused(error, connection) if number in _NO_WRITER | _FULL else error

    def _unknown(self, connection: Connection) -> CommitUnknown:
        """What a COMMIT without an answer is for our callers. Its session is ended, so that it is decided soon."""
        self._pool.losses["commit"] += 1
        settled = self._pool.settle(connection.session)
        return CommitUnknown("the database did not answer the COMMIT: whether it took effect is not known", settled)

    def _refused(self, error: aiomysql.Error, connection: Connection) -> DatabaseUnavailable:
        """What a refusal of the server is for our callers. Where it is no writer, the next attempt connects by name."""
        number, reason = error.args[0], str(error)
        again = False
        if number in _NO_WRITER:
            self._pool.discard_all()
            again = connection.reused and number != _HOOK_FAILED
        self._pool.writes.failed(reason)
        kind = ConnectionForgotten if again else DatabaseUnavailable
        detail = (
            "the database is out of its group now" if number in _OUT_OF_GROUP else "the database takes no writes now"
        )
        refusal = kind(detail, reason=reason)
        refusal.reported = True
        return refusal
