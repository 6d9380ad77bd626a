"""Which Redis server answers: that it is a primary, and still the one that it was.

A name leads to another server after a failover, and connections that are open stay with the old one: it may be a
replica by now, and what it holds is not what the others see. Replication is asynchronous, so the new primary may lack
the last writes of the old one, as a server may that was restarted from a file.
"""

import re
from collections.abc import Callable
from weakref import WeakSet

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.exceptions import BusyLoadingError, ClusterDownError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

# Of the run id's forty. Two servers in a row have the same twelve once in 10¹⁴ failovers.
_MARK_LENGTH = 12
# Scripts of Redis before 7 wrap the error of their command into one of their own.
_IN_A_SCRIPT = re.compile(r"\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN)\b")
_HUNG_UP = "the server ends the connection at the first command, as a port of TLS does where the URL is not rediss://"


class NotPrimary(RedisConnectionError):
    """The server is a replica."""


class ConnectionRefused(RedisConnectionError):
    """The server answered a new connection with an error, or ended it."""


def is_no_primary(error: BaseException) -> bool:
    """Return whether `error` says that the server cannot be the primary that all use: READONLY and its like."""
    if isinstance(error, (NotPrimary, ReadOnlyError, BusyLoadingError, ClusterDownError)):
        return True  # MASTERDOWN is the last's subclass
    return isinstance(error, ResponseError) and _IN_A_SCRIPT.search(str(error)) is not None


class RedisPrimary:
    """Sees to it that all connections of `redis` lead to one primary; made before the first connection.

    Each new connection asks the server for its role and its run id, which costs a round trip; no command costs
    anything. A replica is refused. A run id other than the last ends all other connections.
    """

    def __init__(self, redis: Redis) -> None:
        # The first digits of the run id: what was made while this server was asked is told by them. Empty before the
        # first connection.
        self.mark = ""
        self.changes = 0  # of the server
        # Called when the server is another than before.
        self.on_change: list[Callable[[], object]] = []
        self._connections: WeakSet[AbstractConnection] = WeakSet()
        redis.connection_pool.connection_kwargs["redis_connect_func"] = self._on_connect

    def __repr__(self) -> str:
        return f"<RedisPrimary {self.mark or 'unknown'} connections={len(self._connections)}>"

    async def drop(self) -> None:
        """End every connection; whoever waits on one gets an error. The next ones are made by name."""
        connections = list(self._connections)
        self._connections.clear()
        for connection in connections:
            await connection.disconnect(nowait=True)

    async def _on_connect(self, connection: AbstractConnection) -> None:
        self._connections.discard(connection)
        try:
            await connection.on_connect()
            expect_primary(await _info(connection, "replication"))
            mark = _field(await _info(connection, "server"), "run_id")[:_MARK_LENGTH]
        except ResponseError as error:
            # Not a refusal of one command: without this there is no connection.
            raise ConnectionRefused(str(error)) from error
        except RedisConnectionError as error:
            if _hung_up(error) and not isinstance(connection, SSLConnection):
                raise ConnectionRefused(_HUNG_UP) from error
            raise
        before, self.mark = self.mark, mark
        if before not in ("", mark):
            self.changes += 1
            await self.drop()
            for changed in self.on_change:
                changed()
        self._connections.add(connection)


def expect_primary(replication: bytes | str) -> None:
    """Raise NotPrimary unless `replication`, what INFO says in that section, is a primary's."""
    if _field(replication, "role") != "master":
        raise NotPrimary("the server is a replica")


def _hung_up(error: RedisConnectionError) -> bool:
    return isinstance(error.__context__, OSError) or "closed by server" in str(error)


async def _info(connection: AbstractConnection, section: str) -> bytes | str:
    await connection.send_command("INFO", section, check_health=False)
    answer: bytes | str = await connection.read_response()
    return answer


def _field(info: bytes | str, field: str) -> str:
    """Return one field of a server's INFO. Raises RedisError where it has none of that name."""
    text = info.decode(errors="replace") if isinstance(info, bytes) else info
    found = re.search(rf"^{field}:(\S+)", text, re.MULTILINE)
    if found is None:
        raise RedisConnectionError(f"the server's INFO has no {field}")
    return found[1]
