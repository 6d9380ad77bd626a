"""Where the Redis master is: at a fixed address, where Sentinels say, or where a cluster has the slot of our keys.

Every connection of a pool that has a finder asks it first. Whoever is to be left ends the connections; the next ones
lead to the master of that moment.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import Connection, SSLConnection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from typing_extensions import override

from farmlokal.resilience.ending import end
from farmlokal.resilience.redis_reasons import reason_of

# A node that handed a slot over says so at once; the others hear of it later, within a second.
_NAMED_FOR_S = 1.0


class Place(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Asking(NamedTuple):
    """Which nodes are asked, over connections of which kind, with which options of redis-py."""

    nodes: tuple[Place, ...]
    connection_type: type[Connection]
    options: Mapping[str, Any]


class MasterNotFound(RedisConnectionError):
    """No node says where the master is."""


class MasterFinder(ABC):
    """Finds the master of the keys that this mechanism uses."""

    @abstractmethod
    async def find(self) -> Place:
        """Return where the master is now. Raises RedisError where nobody says it."""

    def belong_to(self, key: str) -> None:  # noqa: B027 - where one master has all keys it makes no difference
        """From now on find the master of `key`, and of every key with the same hash tag."""

    def look_at(self, place: Place) -> None:  # noqa: B027 - as above
        """For a moment the master is at `place`, which a node named as the owner of our keys."""


class At(MasterFinder):
    """The master is at `place`, whatever happens."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __repr__(self) -> str:
        return f"<At {self._place}>"

    @override
    async def find(self) -> Place:
        return self._place


class _Asking(MasterFinder):
    """Asks every node at once; what most of them say is so, as soon as most of all have said it."""

    command: tuple[str, ...]
    unknown: str  # why there may be no master in an answer

    def __init__(self, asking: Asking) -> None:
        self.nodes, self._connection_type, self._options = asking
        self._reason = ""  # of the last node that did not say it

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {','.join(map(str, self.nodes))}>"

    @abstractmethod
    def read(self, answer: Any, node: Place) -> Place | None:
        """Return where `node` says the master is, by its answer to the command; None where it does not know."""

    @override
    async def find(self) -> Place:
        named: Counter[Place] = Counter()
        asking = [asyncio.create_task(self._ask(node)) for node in self.nodes]
        try:
            for answer in asyncio.as_completed(asking):
                place = await answer
                if place is not None:
                    named[place] += 1
                    if named[place] > len(self.nodes) / 2:
                        return place
        finally:
            await end(asking)
        if not named:
            raise MasterNotFound(f"no node says where the master is: {self._reason}")
        return named.most_common(1)[0][0]

    async def _ask(self, node: Place) -> Place | None:
        connection = self._connection_type(host=node.host, port=node.port, **self._options)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command(*self.command, check_health=False)
            place = self.read(await connection.read_response(), node)
        except (RedisError, OSError) as error:
            self._reason = reason_of(error)
            return None
        finally:
            await connection.disconnect(nowait=True)
        if place is None:
            self._reason = self.unknown
        return place


class SentinelFinder(_Asking):
    """The master is where the Sentinels at `nodes` say that the one called `name` is."""

    unknown = "the Sentinels know no master of that name"

    def __init__(self, asking: Asking, name: str) -> None:
        super().__init__(asking)
        self.command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)

    @override
    def read(self, answer: Any, node: Place) -> Place | None:
        return None if answer is None else Place(_text(answer[0]), int(answer[1]))


class ClusterFinder(_Asking):
    """The master is the owner of the slot of our keys, as the cluster's `nodes` have it."""

    command = ("CLUSTER", "SLOTS")
    unknown = "the slot of our keys has no owner"

    def __init__(self, asking: Asking) -> None:
        super().__init__(asking)
        self._slot = 0
        self._named: tuple[Place, float] | None = None

    @override
    def belong_to(self, key: str) -> None:
        self._slot = key_slot(key.encode())

    @override
    def look_at(self, place: Place) -> None:
        self._named = place, asyncio.get_running_loop().time()

    @override
    async def find(self) -> Place:
        if self._named is not None:
            place, named_at = self._named
            if asyncio.get_running_loop().time() - named_at < _NAMED_FOR_S:
                return place
            self._named = None
        return await super().find()

    @override
    def read(self, answer: Any, node: Place) -> Place | None:
        return next((place for first, last, place in owners(answer, node) if first <= self._slot <= last), None)


class FoundConnection(Connection):
    """A connection to the master that `finder` finds."""

    def __init__(self, *, finder: MasterFinder, **options: Any) -> None:
        super().__init__(**options)
        self._finder = finder

    async def _connect(self) -> None:
        self.host, self.port = await self._finder.find()
        await super()._connect()  # type: ignore[no-untyped-call]


class FoundTLSConnection(FoundConnection, SSLConnection):
    """The same over TLS."""


def finder_of(pool: ConnectionPool) -> MasterFinder | None:
    """Return what finds the master for the connections of `pool`; None where they have one fixed address."""
    return cast("MasterFinder | None", pool.connection_kwargs.get("finder"))


def owners(slots: Any, node: Place) -> list[tuple[int, int, Place]]:
    """Return each range of slots with its owner, from a cluster's answer to CLUSTER SLOTS.

    node: that gave the answer; a cluster may leave out hosts, which then are that node's.
    """
    return [(first, last, Place(_text(owner[0]) or node.host, int(owner[1]))) for first, last, owner, *_ in slots]


def _text(value: bytes | str | None) -> str:
    text = value.decode() if isinstance(value, bytes) else value or ""
    return "" if text == "?" else text
