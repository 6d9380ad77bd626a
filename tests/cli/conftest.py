"""The machines on which the command is tried."""

from pathlib import Path

import pytest

from tests.support.command import developers, operators


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A developer's machine."""
    return developers(tmp_path)


@pytest.fixture
def shared(tmp_path: Path, mysql_url: str, redis_url: str) -> dict[str, str]:
    """A machine with MariaDB and Redis."""
    return operators(tmp_path, mysql_url, redis_url)
