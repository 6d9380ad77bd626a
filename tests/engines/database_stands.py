"""Databases of several servers, each instance of the service behind an HAProxy of its own, beside one Redis."""

import contextlib
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import pymysql
from typing_extensions import override

from tests.engines.stands import DATABASE, Fault, Stand
from tests.servers import MariaDBServer, NamedDatabase, RedisServer
from tests.servers.database_groups import GaleraGroup, MySQLGroup
from tests.servers.database_pairs import DatabasePair, MariaDBPair, MySQLPair
from tests.servers.forwarder import Forwarder
from tests.servers.writer_proxy import WriterProxy, make_check_user
from tests.support.blocking_wait import wait_until

_WAIT_MAX_S = 60
# What an operator, or a program in his place, takes to see that a primary is dead.
_PROMOTED_AFTER_S = 1.0
# Longer than a group takes to see that it is none.
_WITHOUT_MAJORITY_S = 8.0
_CUT_OFF_S = 10.0
_INSTANCES = 2


class _BehindProxies(Stand):
    """What these have in common. section: of deploy/haproxy/database.cfg."""

    section: str
    nodes: Sequence[MariaDBServer]

    def start_proxies(self, servers: ExitStack) -> None:
        """Start Redis, and the proxies before `nodes`; wait until they lead to a server that takes writes."""
        self.redis = servers.enter_context(RedisServer())
        self.ways_to_redis = [servers.enter_context(Forwarder(self.redis.port)) for _ in range(_INSTANCES)]
        make_check_user(self.nodes[0])
        ports = [node.port for node in self.nodes]
        self.proxies = [servers.enter_context(WriterProxy(self.section, ports)) for _ in range(_INSTANCES)]
        self.until_led_to(self.nodes[0])

    @property
    @override
    def redis_url(self) -> str:
        return self.redis.url()

    @override
    def redis_url_of(self, number: int) -> str:
        return self.redis_url.replace(f":{self.redis.port}/", f":{self.ways_to_redis[number].port}/")

    def until_led_to(self, *nodes: MariaDBServer) -> None:
        """Wait until every proxy leads to one of `nodes`, and to no other."""
        allowed = {node.port for node in nodes}
        wait_until(lambda: all(self._leads_to(proxy) in allowed for proxy in self.proxies), _WAIT_MAX_S)

    def cut_off_one(self) -> None:
        """Let nothing pass between one instance and the writer for a while."""
        self.proxies[0].pause()
        time.sleep(_CUT_OFF_S)
        self.proxies[0].resume()

    def cut_off_one_from_redis(self) -> None:
        """Let nothing pass between one instance and Redis for a while; what was sent meanwhile arrives then."""
        self.ways_to_redis[0].pause()
        time.sleep(_CUT_OFF_S)
        self.ways_to_redis[0].resume()

    def _leads_to(self, proxy: WriterProxy) -> int | None:
        """The port of the server to which a new connection comes; None where it comes to none."""
        with contextlib.suppress(pymysql.MySQLError):
            ((port,),) = NamedDatabase(self.url_at(proxy.port)).execute("SELECT @@port")
            return int(port)
        return None

    @override
    def database_url(self, number: int) -> str:
        return self.url_at(self.proxies[number].port)

    @property
    @override
    def readers(self) -> Sequence[str]:
        return [self.url_at(node.port) for node in self.nodes]

    @abstractmethod
    def url_at(self, port: int) -> str:
        """The database, for the service, at this port."""


class _GroupStand(_BehindProxies):
    """Three members that see by themselves who is there."""

    nodes: Sequence[MariaDBServer]

    @override
    def url_at(self, port: int) -> str:
        return f"mysql://root@127.0.0.1:{port}/{DATABASE}"

    @property
    @override
    def judged_url(self) -> str:
        return self.database_url(1)

    def kill_writer(self) -> None:
        """End the first member, which takes the writes, as a crash would."""
        first, *others = self.nodes
        first.kill()
        self.until_led_to(*others)

    def lose_majority(self) -> None:
        """Freeze all but the one that takes writes for a while."""
        others = self.others()
        for node in others:
            node.pause()
        time.sleep(_WITHOUT_MAJORITY_S)
        for node in others:
            node.resume()
        self.until_led_to(*self.nodes)

    def others(self) -> Sequence[MariaDBServer]:
        """The members that do not take writes now."""
        port = self._leads_to(self.proxies[1])
        return [node for node in self.nodes if node.port != port]


class GaleraStand(_GroupStand):
    """MariaDB with Galera: three nodes, one of which is written to."""

    section = "mariadb-galera"

    @override
    def start(self, servers: ExitStack) -> None:
        group = servers.enter_context(GaleraGroup())
        self.nodes = self._galera = group.members
        for node in group.members:
            # A node reads only what it has of what the others had committed before.
            node.execute("SET GLOBAL wsrep_sync_wait = 1")
            node.options = (*node.options, "--wsrep-sync-wait=1")
        group.members[0].create_database(DATABASE)
        self.start_proxies(servers)

    @property
    @override
    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill -9 of the node that is written to": Fault(self.kill_writer, unanswered=True),
            "the killed node comes back, and is written to": Fault(self._rejoin),
            "no majority for 8 s": Fault(self.lose_majority, unanswered=True),
            "one instance cut off from the writer for 10 s": Fault(self.cut_off_one),
        }

    def _rejoin(self) -> None:
        self._galera[0].rejoin()
        self.until_led_to(self.nodes[0])


class GroupReplicationStand(_GroupStand):
    """MySQL with Group Replication: three members with one primary."""

    section = "mysql-group"

    @override
    def start(self, servers: ExitStack) -> None:
        group = servers.enter_context(MySQLGroup())
        self.nodes = self._members = group.members
        group.members[0].create_database(DATABASE)
        self.start_proxies(servers)

    @property
    @override
    def faults(self) -> Mapping[str, Fault]:
        return {
            "kill -9 of the primary": Fault(self.kill_writer),
            "the killed member comes back": Fault(self._rejoin),
            "planned change of the primary": Fault(self._hand_over),
            "no majority for 8 s": Fault(self.lose_majority, unanswered=True),
            "one instance cut off from the writer for 10 s": Fault(self.cut_off_one),
        }

    def _rejoin(self) -> None:
        first = self._members[0]
        first.start()
        first.execute("START GROUP_REPLICATION")
        first.until_joined()

    def _hand_over(self) -> None:
        first = self._members[0]
        first.execute(f"SELECT group_replication_set_as_primary('{first.tells('SELECT @@server_uuid')}')")
        self.until_led_to(first)


class PairStand(_BehindProxies):
    """A primary with a replica that has every acknowledged commit."""

    def __init__(self, pair: DatabasePair, section: str) -> None:
        super().__init__()
        self.section = section
        self.pair = pair

    @override
    def start(self, servers: ExitStack) -> None:
        servers.enter_context(self.pair)
        self.nodes = self.pair.servers
        self.start_proxies(servers)

    @override
    def url_at(self, port: int) -> str:
        return self.pair.url(port)

    @property
    @override
    def judged_url(self) -> str:
        return self.pair.primary.url(DATABASE)

    @property
    @override
    def faults(self) -> Mapping[str, Fault]:
        return {
            "planned change of the primary": Fault(self._change_over),
            "one instance cut off from the writer for 10 s": Fault(self.cut_off_one),
            "one instance cut off from Redis alone for 10 s": Fault(self.cut_off_one_from_redis),
            "kill -9 of the primary, after 1 s the replica promoted": Fault(self._kill_primary),
        }

    def _change_over(self) -> None:
        self.pair.change_over()
        wait_until(self.pair.safe, _WAIT_MAX_S)
        self.until_led_to(self.pair.primary)

    def _kill_primary(self) -> None:
        self.pair.primary.kill()
        time.sleep(_PROMOTED_AFTER_S)
        self.pair.promote()
        self.until_led_to(self.pair.primary)


def mariadb_pair() -> PairStand:
    """Two MariaDB servers."""
    return PairStand(MariaDBPair(), "mariadb-primary")


def mysql_pair() -> PairStand:
    """Two MySQL servers."""
    return PairStand(MySQLPair(), "mysql-primary")
