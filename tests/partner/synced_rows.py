"""What a sync in a process of its own has fetched so far, and whether the catalogue is the partner's in the end."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from farmlokal.catalog.seed import generate
from farmlokal.database.interface import Database
from farmlokal.simulator.catalogue import wire_row
from tests.partner.syncing import expected_row, stored_rows

# A busy machine takes minutes for 200,000.
_ROWS_WAIT_MAX_S = 300
_CHUNK = 500


def peak_bytes(process: subprocess.Popen[str]) -> int:
    """The most memory that a running process has had so far; 0 of one that has ended."""
    status = ""
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


async def wait_for_rows(database: Database, count: int, process: subprocess.Popen[str]) -> int:
    """Return once the newest run has fetched `count` rows or `process` has ended; how many it has fetched."""
    deadline = time.monotonic() + _ROWS_WAIT_MAX_S
    while time.monotonic() < deadline:
        # Asked of the clock's own loop: a test that waits for another process has nothing else to do meanwhile.
        rows = await database.fetch("SELECT fetched FROM sync_runs ORDER BY id DESC LIMIT 1")
        if (rows and rows[0][0] >= count) or process.poll() is not None:
            return int(rows[0][0]) if rows else 0
        time.sleep(0.005)  # noqa: ASYNC251
    raise AssertionError(f"no {count} rows within {_ROWS_WAIT_MAX_S} s")


async def assert_equals_seed(database: Database, products: int, changed: dict[str, dict[str, Any] | None]) -> None:
    """The catalogue holds the partner's `products`, field by field. changed: rows unlike their seed, or None."""
    live = 0
    for first in range(1, products + 1, _CHUNK):
        records = generate(first, min(_CHUNK, products + 1 - first))
        wires = {record.external_id: changed.get(record.external_id, wire_row(record)) for record in records}
        expected = {name: expected_row(wire) for name, wire in wires.items() if wire is not None}
        assert expected == await stored_rows(database, list(wires))
        live += len(expected)
    assert [(live,)] == await database.fetch_unlimited("SELECT COUNT(*) FROM products WHERE live = 1")
