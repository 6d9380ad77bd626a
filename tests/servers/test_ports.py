"""The ports of servers: test processes that run beside each other never offer the same one."""

from itertools import islice

import pytest

from tests.servers.process import PORTS, shuffled_ports


def test_processes_share_the_ports_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each offers its own share, every port of it once before one comes again, and all together offer every port."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    offered: list[int] = []
    for number in range(3):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        offered += islice(shuffled_ports(), len(PORTS) // 3)
    assert list(PORTS) == sorted(offered)


def test_one_process_alone_has_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without others beside it nothing is kept back, and the order is none that could be foretold."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    offered = list(islice(shuffled_ports(), len(PORTS)))
    assert list(PORTS) == sorted(offered)
    assert list(PORTS) != offered
