"""What readers and senders get while the connections to MySQL and Redis are forgotten, delayed, cut and redirected."""

import secrets
from pathlib import Path

import pytest

from tests.soak.soaking import soak

SECONDS = 90


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
async def test_nothing_is_lost_on_a_bad_network(tmp_path: Path) -> None:
    """No listing fails, nothing is called fresh beyond the bound, and each event has one effect. It prints its seed."""
    report = await soak(SECONDS, secrets.randbelow(2**32), tmp_path)
    print(report)  # noqa: T201 - pytest shows it where the test fails
    assert [] == report.faults
    assert 10 == len(report.weather.counts)
