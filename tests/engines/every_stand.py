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


_PROOF, _CLUSTERS = pytest.mark.proof, pytest.mark.clusters
# Those of a kind whose programs no archive of a stable Debian has are of `make clusters`.
_STANDS: dict[str, tuple[Callable[[], Stand], pytest.MarkDecorator]] = {
    "redis-cluster": (ClusterStand, _PROOF),
    "sentinel": (SentinelStand, _PROOF),
    "galera": (GaleraStand, _PROOF),
    "mariadb-pair": (mariadb_pair, _PROOF),
    "valkey-cluster": (valkey_cluster, _CLUSTERS),
    "group-replication": (GroupReplicationStand, _CLUSTERS),
    "mysql-pair": (mysql_pair, _CLUSTERS),
}
EVERY_STAND = [pytest.param(make, marks=mark, id=name) for name, (make, mark) in _STANDS.items()]
# Beside the other proofs, some of which take the whole machine, engines would find faults of their own.
EVERY_STAND_ALONE = [
    pytest.param(make, marks=[mark, *([pytest.mark.alone] if mark is _PROOF else [])], id=name)
    for name, (make, mark) in _STANDS.items()
]
