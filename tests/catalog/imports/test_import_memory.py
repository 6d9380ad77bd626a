"""What an import of many rows takes of memory: bounded, whatever the length of its file."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.load_files import write_market
from tests.support.backends import database_on, on_every_server
from tests.support.command import developers
from tests.support.service import SECRET_KEY, open_database

ROWS = 150_000
PEAK_MAX_BYTES = 150 * 2**20


# A process begins with the peak of the one that started it: so a small one starts the command, and not the tests'.
_MEASURED = """
import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024)
"""


def peak_of_import(environment: dict[str, str], path: Path) -> tuple[int, int]:
    """Exit code and greatest resident memory, in bytes, of the command that imports the file at `path`."""
    command = [sys.executable, "-m", "farmlokal", "import", str(path)]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    code, peak_bytes = done.stdout.splitlines()[-1].split()
    return int(code), int(peak_bytes)


@pytest.mark.proof
@on_every_server
async def test_a_long_file_takes_no_more_memory_than_stated(backend_url: str, tmp_path: Path) -> None:
    """Read twice, written, and its indexes made: the process stays below 150 MiB, all that Python takes included."""
    environment = developers(tmp_path) | {"FARMLOKAL_DATABASE_URL": backend_url, "FARMLOKAL_SECRET_KEY": SECRET_KEY}
    write_market(tmp_path / "year.csv", ROWS)
    async with open_database(backend_url):
        pass
    code, peak_bytes = await asyncio.to_thread(peak_of_import, environment, tmp_path / "year.csv")
    assert 0 == code
    async with database_on(backend_url, statement_limit_ms=60_000) as database:
        assert [(ROWS, ROWS)] == await database.fetch(
            "SELECT (SELECT COUNT(*) FROM products), (SELECT COUNT(*) FROM price_days)"
        )
    assert peak_bytes <= PEAK_MAX_BYTES
