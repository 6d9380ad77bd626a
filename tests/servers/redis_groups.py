"""Several Redis servers that belong together: a cluster, and a master that Sentinels watch."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Self

import redis
from redis.crc import key_slot
from typing_extensions import override

from tests.servers.process import ServerFailed, free_port
from tests.servers.programs import Program
from tests.servers.redis_server import RedisServer
from tests.support.blocking_wait import wait_until

MASTERS = 3
MASTER_NAME = "farm"
_SLOTS = 16384
# As short as a busy machine allows: a master that is silent for so long is taken for dead.
_DOWN_AFTER_MS = 2000
# A Sentinel that was held up for two seconds itself does nothing for thirty ("TILT").
_READY_WITHIN_S = 90.0
_REFUSED = {"masteruser": "nobody", "masterauth": "wrong"}
# A replica waits for others that want the same copy; ours are alone.
_AT_ONCE = ("--repl-diskless-sync-delay", "0")


def answer_of(server: RedisServer, *command: str | int) -> Any:
    """Send one command to one server on a connection of its own; return the answer, as text."""
    with redis.Redis.from_url(server.url(), decode_responses=True, retry=None, protocol=2) as client:
        return client.execute_command(*map(str, command))


def break_link(replica: RedisServer, master: RedisServer) -> None:
    """Let `master` refuse the replica from now on: what is written from here on it does not have."""
    for option, value in _REFUSED.items():
        answer_of(replica, "CONFIG", "SET", option, value)
    answer_of(master, "CLIENT", "KILL", "TYPE", "replica")


def mend_link(replica: RedisServer) -> None:
    """Let masters accept the replica again."""
    for option in _REFUSED:
        wait_until(partial(_done, replica, "CONFIG", "SET", option, ""), _READY_WITHIN_S)


def _done(server: RedisServer, *command: str) -> bool:
    """Whether a server does what it is told.

    It may answer with an error, or end the connection: Sentinels end every client's when they give a server its role.
    """
    try:
        return bool(answer_of(server, *command))
    except (redis.ResponseError, redis.ConnectionError):
        return False


def _owns_slots(node: RedisServer) -> bool:
    return any(owner[1] == node.port for _, _, owner, *_ in answer_of(node, "CLUSTER", "SLOTS"))


class ClusterNode(RedisServer):
    """One node. node_id: its name in the cluster, from its start on."""

    def __init__(self, program: Program | None) -> None:
        self.bus_port = free_port()
        super().__init__(
            *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
            *("--cluster-node-timeout", str(_DOWN_AFTER_MS), "--cluster-port", str(self.bus_port), *_AT_ONCE),
            program=program,
        )

    @property
    def node_id(self) -> str:
        """Its name in the cluster."""
        return str(answer_of(self, "CLUSTER", "MYID"))


class RedisCluster:
    """Three masters with a third of the slots each, and a replica of each. Started on entry, killed on exit.

    masters: and replicas as they were in the beginning. program: by default whichever is found.
    """

    def __init__(self, program: Program | None = None) -> None:
        self.masters = [ClusterNode(program) for _ in range(MASTERS)]
        self.replicas = [ClusterNode(program) for _ in range(MASTERS)]
        self._servers = ExitStack()

    @property
    def nodes(self) -> Sequence[ClusterNode]:
        """All six."""
        return (*self.masters, *self.replicas)

    @property
    def url(self) -> str:
        """`redis+cluster://` with every node."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}"

    def __enter__(self) -> Self:
        with ExitStack() as servers:
            for node in self.nodes:
                servers.enter_context(node)
            self._put_together()
            self._servers = servers.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._servers.close()

    def owner_of(self, key: str) -> ClusterNode:
        """The running node that takes itself for the owner of the slot of `key`."""
        slot = key_slot(key.encode())
        for node in self.nodes:
            if node.running and answer_of(node, "ROLE")[0] == "master":
                for first, last, owner, *_ in answer_of(node, "CLUSTER", "SLOTS"):
                    if first <= slot <= last and owner[1] == node.port:
                        return node
        raise ServerFailed(f"no node owns slot {slot}")

    def another_master(self, key: str) -> ClusterNode:
        """A master that does not own the slot of `key`, and has slots."""
        owner = self.owner_of(key)
        return next(
            node
            for node in self.nodes
            if node.running and node is not owner and answer_of(node, "ROLE")[0] == "master" and _owns_slots(node)
        )

    def replica_of(self, master: ClusterNode) -> ClusterNode:
        """A running replica of `master`."""
        for node in self.nodes:
            if node.running and answer_of(node, "ROLE")[:3] == ["slave", "127.0.0.1", master.port]:
                return node
        raise ServerFailed(f"{master!r} has no replica")

    def fail_over(self, key: str, *, forced: bool = False) -> None:
        """Make the replica of the owner of the slot of `key` the owner. forced: whatever it has, unasked."""
        replica = self.replica_of(self.owner_of(key))
        wait_until(lambda: _done(replica, "CLUSTER", "FAILOVER", *(["FORCE"] if forced else [])), _READY_WITHIN_S)
        wait_until(lambda: self._is_owner(replica, key), _READY_WITHIN_S)

    def until_owned(self, key: str) -> None:
        """Wait until the slot of `key` has a running owner, and every running node takes the cluster for whole."""
        wait_until(lambda: self._is_owner(None, key), _READY_WITHIN_S)
        running = [node for node in self.nodes if node.running]
        wait_until(
            lambda: all("cluster_state:ok" in answer_of(node, "CLUSTER", "INFO") for node in running), _READY_WITHIN_S
        )

    def _is_owner(self, node: ClusterNode | None, key: str) -> bool:
        """Whether `node` owns the slot of `key`; None for any."""
        try:
            owner = self.owner_of(key)
        except (ServerFailed, redis.RedisError):
            return False
        return node in (None, owner)

    def move(self, key: str, to: ClusterNode, *, keys_max: int) -> None:
        """Give the slot of `key` to another master, so many keys at a time."""
        self.begin_move(key, to)
        while self.send_ahead(key, to, keys_max=keys_max):
            pass
        self.end_move(key, to)

    def begin_move(self, key: str, to: ClusterNode) -> None:
        """Open the slot of `key` for its way to another master: keys may go ahead from now on."""
        slot, source = key_slot(key.encode()), self.owner_of(key)
        answer_of(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.node_id)
        answer_of(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.node_id)

    def send_ahead(self, key: str, to: ClusterNode, *, keys_max: int = 100) -> int:
        """Move up to so many keys of the slot of `key`, which is on its way. Returns how many."""
        source = self.owner_of(key)
        names = answer_of(source, "CLUSTER", "GETKEYSINSLOT", key_slot(key.encode()), keys_max)
        if names:
            answer_of(source, "MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *names)
        return len(names)

    def end_move(self, key: str, to: ClusterNode) -> None:
        """Move what is left of the slot of `key`, and make the other master its owner."""
        slot, source, new = key_slot(key.encode()), self.owner_of(key), to.node_id
        while self.send_ahead(key, to):
            pass
        for node in (to, source, *self.nodes):
            if node.running and answer_of(node, "ROLE")[0] == "master":
                answer_of(node, "CLUSTER", "SETSLOT", slot, "NODE", new)

    def _put_together(self) -> None:
        first = self.masters[0]
        for number, node in enumerate(self.masters):
            begin, end = number * _SLOTS // MASTERS, (number + 1) * _SLOTS // MASTERS - 1
            answer_of(node, "CLUSTER", "ADDSLOTSRANGE", begin, end)
            answer_of(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            answer_of(node, "CLUSTER", "MEET", "127.0.0.1", first.port, first.bus_port)
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes), _READY_WITHIN_S)
        for master, replica in zip(self.masters, self.replicas, strict=True):
            # A node that another has just heard of has a name for the time being there.
            wait_until(partial(_done, replica, "CLUSTER", "REPLICATE", master.node_id), _READY_WITHIN_S)
        wait_until(self._whole, _READY_WITHIN_S)

    def _knows_all(self, node: ClusterNode) -> bool:
        return f"cluster_known_nodes:{len(self.nodes)}" in answer_of(node, "CLUSTER", "INFO")

    def _whole(self) -> bool:
        """Whether every node takes the cluster for whole, and every replica has a copy."""
        return all("cluster_state:ok" in answer_of(node, "CLUSTER", "INFO") for node in self.nodes) and all(
            answer_of(replica, "ROLE")[3] == "connected" for replica in self.replicas
        )


class Sentinel(RedisServer):
    """One Sentinel, which watches the master at `master_port`."""

    def __init__(self, master_port: int, quorum: int) -> None:
        super().__init__()
        self._watched = f"{MASTER_NAME} 127.0.0.1 {master_port} {quorum}"

    @override
    def command(self) -> list[str]:
        """Write the configuration, which it writes anew by itself; return the options that name it."""
        path = self.folder / "sentinel.conf"
        path.write_text(
            f"port {self.port}\nbind 127.0.0.1\nunixsocket {self.socket_path}\ndir {self.folder}\n"
            f"sentinel monitor {self._watched}\n"
            f"sentinel down-after-milliseconds {MASTER_NAME} {_DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {MASTER_NAME} 10000\n",
            "utf-8",
        )
        return [str(path), "--sentinel"]


class SentinelGroup:
    """A master with two replicas, and three Sentinels. Started on entry, killed on exit."""

    def __init__(self) -> None:
        self.servers = [RedisServer(*_AT_ONCE) for _ in range(3)]
        self.sentinels: list[Sentinel] = []
        self._started = ExitStack()

    @property
    def url(self) -> str:
        """`redis+sentinel://` with every Sentinel."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER_NAME}"

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for server in self.servers:
                started.enter_context(server)
            first, *others = self.servers
            for server in others:
                answer_of(server, "REPLICAOF", "127.0.0.1", first.port)
            self.sentinels = [started.enter_context(Sentinel(first.port, 2)) for _ in range(3)]
            wait_until(self._whole, _READY_WITHIN_S)
            self._started = started.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._started.close()

    def master(self) -> RedisServer:
        """The server that the first Sentinel takes for the master."""
        _, port = answer_of(self.sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> None:
        """Have the Sentinels make a master of a replica, though the master is well."""
        # Refused while they are at another.
        wait_until(partial(_done, self.sentinels[0], "SENTINEL", "FAILOVER", MASTER_NAME), _READY_WITHIN_S)

    def _whole(self) -> bool:
        """Whether every Sentinel knows the other two and both replicas, and those have a copy."""
        return all(self._known_by(sentinel) == (2, 2) for sentinel in self.sentinels) and all(
            answer_of(server, "ROLE")[3] == "connected" for server in self.servers[1:]
        )

    def _known_by(self, sentinel: Sentinel) -> tuple[int, int]:
        raw = answer_of(sentinel, "SENTINEL", "MASTER", MASTER_NAME)
        found = raw if isinstance(raw, dict) else dict(zip(raw[::2], raw[1::2], strict=True))
        return int(found["num-slaves"]), int(found["num-other-sentinels"])
