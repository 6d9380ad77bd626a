"""What readers and senders see of a fault, on every engine: `pytest -s` prints the rows of docs/scaling.md."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.database_stands import GaleraStand, GroupReplicationStand, mariadb_pair, mysql_pair
from tests.engines.faults import day
from tests.engines.redis_stands import ClusterStand, SentinelStand
from tests.engines.stands import Stand
from tests.servers.programs import find_valkey_program
from tests.support.lateness import lateness


def valkey_cluster() -> Stand:
    """A Valkey cluster."""
    return ClusterStand(find_valkey_program())


STANDS: dict[str, tuple[Callable[[], Stand], pytest.MarkDecorator]] = {
    "Redis Cluster": (ClusterStand, pytest.mark.proof),
    "Sentinel": (SentinelStand, pytest.mark.proof),
    "Galera": (GaleraStand, pytest.mark.proof),
    "MariaDB pair": (mariadb_pair, pytest.mark.proof),
    "Valkey Cluster": (valkey_cluster, pytest.mark.clusters),
    "Group Replication": (GroupReplicationStand, pytest.mark.clusters),
    "MySQL pair": (mysql_pair, pytest.mark.clusters),
}
# For so long after its end a fault may leave old pages that are called fresh.
LIED_MAX_S = 1.0


@pytest.mark.parametrize("name", [pytest.param(name, marks=mark, id=name) for name, (_, mark) in STANDS.items()])
async def test_a_day_of_faults(name: str, tmp_path: Path) -> None:
    """No listing fails, no event is lost or doubled, and soon after each fault nothing old is called fresh."""
    make, _ = STANDS[name]
    with make() as stand:
        async with lateness() as late:
            seen = await day(stand, tmp_path)
    print(f"\n{name}", *seen.rows, sep="\n")  # noqa: T201 - for the documentation, and where the test fails
    assert [] == seen.wrong
    assert [] == seen.failures
    assert set() == {row.fault for row in seen.rows if row.lied_s > LIED_MAX_S + late.allowed_s}
