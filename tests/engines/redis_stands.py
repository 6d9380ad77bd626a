"""A Redis Cluster, and a master with Sentinels, each beside one MariaDB server."""

import time
from collections.abc import Mapping
from contextlib import ExitStack

import redis
from typing_extensions import override

from farmlokal.caching.redis.keys import RedisKeys
from tests.engines.stands import DATABASE, Fault, Stand
from tests.servers import MariaDBServer
from tests.servers.programs import Program
from tests.servers.redis_groups import RedisCluster, SentinelGroup, answer_of, break_link, mend_link
from tests.servers.redis_server import RedisServer
from tests.support.blocking_wait import wait_until

# Thirty seconds more than it takes: for so long a Sentinel that was held up itself does nothing.
_WAIT_MAX_S = 60
# For how long replicas miss what is written.
_MISSING_S = 1.0


class _OnMariaDB(Stand):
    """What these have in common: the database."""

    database: MariaDBServer

    @override
    def start(self, servers: ExitStack) -> None:
        self.database = servers.enter_context(MariaDBServer())
        self.database.create_database(DATABASE)

    @override
    def database_url(self, number: int) -> str:
        return self.judged_url

    @property
    @override
    def judged_url(self) -> str:
        return self.database.url(DATABASE)


class ClusterStand(_OnMariaDB):
    """Three masters with a replica each. program: the server's, by default whichever Redis is found."""

    def __init__(self, program: Program | None = None) -> None:
        super().__init__()
        self.cluster = RedisCluster(program)

    @override
    def start(self, servers: ExitStack) -> None:
        super().start(servers)
        servers.enter_context(self.cluster)

    @property
    @override
    def redis_url(self) -> str:
        return self.cluster.url

    @property
    @override
    def faults(self) -> Mapping[str, Fault]:
        return {
            "the slot moves, a few keys at a time": Fault(self._move_slot),
            "planned failover": Fault(lambda: self.cluster.fail_over(self._key)),
            "replication broken for 1 s, then the replica promoted": Fault(self._promote_without_the_last),
            "kill -9 of the master": Fault(self._kill_master),
            "the killed one comes back": Fault(self._bring_back),
        }

    @property
    def _key(self) -> str:
        """One of the keys of the catalogue, all of which are in one slot."""
        ((identity,),) = self.database.execute("SELECT identity FROM catalogue WHERE id = 1", database=DATABASE)
        return RedisKeys(identity).notices

    def _move_slot(self) -> None:
        self.cluster.move(self._key, self.cluster.another_master(self._key), keys_max=8)

    def _promote_without_the_last(self) -> None:
        owner = self.cluster.owner_of(self._key)
        replica = self.cluster.replica_of(owner)
        break_link(replica, owner)
        time.sleep(_MISSING_S)
        self.cluster.fail_over(self._key, forced=True)
        mend_link(replica)

    def _kill_master(self) -> None:
        self.cluster.owner_of(self._key).kill()
        self.cluster.until_owned(self._key)

    def _bring_back(self) -> None:
        (dead,) = [node for node in self.cluster.nodes if not node.running]
        dead.start()
        wait_until(lambda: _copies(dead), _WAIT_MAX_S)


class SentinelStand(_OnMariaDB):
    """A master with two replicas, and three Sentinels."""

    def __init__(self) -> None:
        super().__init__()
        self.group = SentinelGroup()

    @override
    def start(self, servers: ExitStack) -> None:
        super().start(servers)
        servers.enter_context(self.group)

    @property
    @override
    def redis_url(self) -> str:
        return self.group.url

    @property
    @override
    def faults(self) -> Mapping[str, Fault]:
        return {
            "planned failover": Fault(self._fail_over),
            "replication broken for 1 s, then a replica promoted": Fault(self._promote_without_the_last),
            "kill -9 of the master": Fault(self._kill_master),
        }

    def _fail_over(self) -> None:
        old = self.group.master()
        self.group.fail_over()
        self._until_replaced(old)

    def _promote_without_the_last(self) -> None:
        old = self.group.master()
        # Not before the last failover is over for all: the old one is told by and by.
        wait_until(lambda: all(_copies(one) for one in self.group.servers if one is not old), _WAIT_MAX_S)
        replicas = [one for one in self.group.servers if one is not old]
        for replica in replicas:
            break_link(replica, old)
        time.sleep(_MISSING_S)
        self.group.fail_over()
        self._until_replaced(old)
        for replica in replicas:
            mend_link(replica)

    def _kill_master(self) -> None:
        old = self.group.master()
        old.kill()
        self._until_replaced(old)

    def _until_replaced(self, old: RedisServer) -> None:
        wait_until(lambda: self.group.master() is not old, _WAIT_MAX_S)


def _copies(server: RedisServer) -> bool:
    """Whether a server has a copy of its master, and is kept up to date."""
    try:
        role = answer_of(server, "ROLE")
    except redis.ConnectionError:  # Sentinels end every client's when they give a server its role
        return False
    return bool(role[0] == "slave" and role[3] == "connected")
