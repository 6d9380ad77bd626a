"""Every engine that the service is tried on, by name."""

from collections.abc import Callable

import pytest

from tests.engines.database_stands import GaleraStand, GroupReplicationStand, mariadb_pair, mysql_pair
from tests.engines.redis_stands import ClusterStand, SentinelStand
from tests.engines.stands import Stand
from tests.servers.programs import find_valkey_program


def valkey_cluster() -> Stand:
    """Three Valkey masters with a replica each."""
    return ClusterStand(find_valkey_program())


# Those of a kind whose programs no archive of a stable Debian has are of `make clusters`.
_STANDS: dict[str, tuple[Callable[[], Stand], pytest.MarkDecorator]] = {
    "redis-cluster": (ClusterStand, pytest.mark.proof),
    "sentinel": (SentinelStand, pytest.mark.proof),
    "galera": (GaleraStand, pytest.mark.proof),
    "mariadb-pair": (mariadb_pair, pytest.mark.proof),
    "valkey-cluster": (valkey_cluster, pytest.mark.clusters),
    "group-replication": (GroupReplicationStand, pytest.mark.clusters),
    "mysql-pair": (mysql_pair, pytest.mark.clusters),
}
EVERY_STAND = [pytest.param(make, marks=mark, id=name) for name, (make, mark) in _STANDS.items()]
