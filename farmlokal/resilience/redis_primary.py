"""Which Redis server answers: that it is a primary, and still the one that it was.

A name leads to another server after a failover, and connections that are open stay with the old one: it may be a
replica by now, and what it holds is not what the others see. Replication is asynchronous, so the new primary may lack
the last writes of the old one, as a server may that was restarted from a file.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from weakref import WeakSet

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.exceptions import BusyLoadingError, ClusterDownError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from farmlokal.errors import RedisMisconfigured
from farmlokal.resilience.redis_master import ClusterFinder, Place, SentinelFinder, finder_of, owners

# Of the run id's forty. Two servers in a row have the same twelve once in 10¹⁴ failovers.
_MARK_LENGTH = 12
# Scripts of Redis before 7 wrap the error of their command into one of their own.
_IN_A_SCRIPT = re.compile(r"\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN)\b")
_FOLLOW_EVERY_S = 1.0
_HUNG_UP = "the server ends the connection at the first command, as a port of TLS does where the URL is not rediss://"


class NotPrimary(RedisConnectionError):
    """The server is a replica."""


class ConnectionRefused(RedisConnectionError):
    """The server answered a new connection with an error, or ended it."""


class WrongServer(ConnectionRefused):
    """The server is of another kind than the URL says. url: that would be right, without user and password."""

    def __init__(self, kind: str, url: str) -> None:
        super().__init__(f"{kind}: the URL must begin with {url.partition('://')[0]}://")
        self.url = url


def is_no_primary(error: BaseException) -> bool:
    """Return whether `error` says that the server cannot be the primary that all use: READONLY and its like."""
    if isinstance(error, (NotPrimary, ReadOnlyError, BusyLoadingError, ClusterDownError)):
        return True  # MASTERDOWN is the last's subclass
    return isinstance(error, ResponseError) and _IN_A_SCRIPT.search(str(error)) is not None


class RedisPrimary:
    """Sees to it that all connections of `redis` lead to one primary; made before the first connection.

    finder: what says where that is; None where the URL does.

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
        self.finder = finder_of(redis.connection_pool)
        self._misconfigured: WrongServer | None = None
        # Where the connections lead, as far as a finder said.
        self._place: Place | None = None
        self._connections: WeakSet[AbstractConnection] = WeakSet()
        redis.connection_pool.connection_kwargs["redis_connect_func"] = self._on_connect

    def __repr__(self) -> str:
        return f"<RedisPrimary {self.mark or 'unknown'} connections={len(self._connections)}>"

    def belong_to(self, key: str) -> None:
        """From now on the primary is that of `key`, and of every key with the same hash tag."""
        if self.finder is not None:
            self.finder.belong_to(key)

    def raise_if_misconfigured(self) -> None:
        """Raise RedisMisconfigured where the last connection met a server of another kind than the URL says."""
        if self._misconfigured is not None:
            raise RedisMisconfigured(f"Redis: {self._misconfigured}", reason=f"write {self._misconfigured.url}")

    async def follow(self) -> None:
        """Leave the old one of two masters once the Sentinels name the new one, until cancelled.

        A planned failover leaves both of them masters for some ten seconds (redis/redis issue 6062), and what the old
        one takes meanwhile is lost. A cluster's nodes say it themselves.
        """
        while isinstance(self.finder, SentinelFinder):
            await asyncio.sleep(_FOLLOW_EVERY_S)
            with suppress(RedisError, OSError):
                if self._connections and await self.finder.find() != self._place:
                    await self.drop()

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
            server = await _info(connection, "server")
            await self._expect_kind(connection, _mode(server))
            expect_primary(await _info(connection, "replication"))
            mark = _field(server, "run_id")[:_MARK_LENGTH]
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
        if self.finder is not None:
            self._place = place_of(connection)

    async def _expect_kind(self, connection: AbstractConnection, mode: str) -> None:
        """Raise WrongServer unless the server's mode is the URL's: it would answer, and do nothing of ours.

        mode: empty where the server does not say it.
        """
        self._misconfigured = None
        # A finder asks only nodes of its own kind.
        if mode in ("", "standalone") or isinstance(self.finder, ClusterFinder):
            return
        if mode == "cluster":
            slots = await _answer(connection, "CLUSTER", "SLOTS")
            masters = dict.fromkeys(str(place) for _, _, place in owners(slots, place_of(connection)))
            url = f"redis+cluster://{','.join(masters) or place_of(connection)}"
            self._misconfigured = WrongServer("the server is a node of a cluster", url)
        else:
            url = f"redis+sentinel://{place_of(connection)}/NAME"
            self._misconfigured = WrongServer("the server is a Sentinel", url)
        raise self._misconfigured


def expect_primary(replication: bytes | str) -> None:
    """Raise NotPrimary unless `replication`, what INFO says in that section, is a primary's."""
    if _field(replication, "role") != "master":
        raise NotPrimary("the server is a replica")


def _hung_up(error: RedisConnectionError) -> bool:
    return isinstance(error.__context__, OSError) or "closed by server" in str(error)


def place_of(connection: AbstractConnection) -> Place:
    """Return where a connection leads; that is no place of the network for a Unix socket."""
    return Place(str(getattr(connection, "host", "localhost")), int(getattr(connection, "port", 0)))


async def _info(connection: AbstractConnection, section: str) -> bytes | str:
    return cast("bytes | str", await _answer(connection, "INFO", section))


async def _answer(connection: AbstractConnection, *command: str) -> Any:
    await connection.send_command(*command, check_health=False)
    return await connection.read_response()


def _mode(server: bytes | str) -> str:
    """Return how a server runs: `standalone`, `cluster` or `sentinel`; empty where it does not say it."""
    try:
        return _field(server, "(?:redis|server)_mode")  # the latter is Valkey's
    except RedisConnectionError:
        return ""


def _field(info: bytes | str, field: str) -> str:
    """Return one field of a server's INFO. Raises RedisError where it has none of that name."""
    text = info.decode(errors="replace") if isinstance(info, bytes) else info
    found = re.search(rf"^{field}:(\S+)", text, re.MULTILINE)
    if found is None:
        raise RedisConnectionError(f"the server's INFO has no {field}")
    return found[1]
