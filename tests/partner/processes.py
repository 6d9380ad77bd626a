"""The partner simulator and `farmlokal sync`, each in a process of its own."""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from farmlokal.catalog.seed import generate
from farmlokal.database.interface import Database
from farmlokal.simulator.catalogue import wire_row
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from tests.cli_process import developers, running
from tests.partner.sync_harness import expected_row, stored_rows
from tests.service import SECRET_KEY

# 5 % of the requests for a page meet one of these. A hang costs the client's whole attempt, 5 s: seldom.
FAULTS: Sequence[dict[str, Any]] = (
    {"kind": "status", "status": 503, "rate": 0.012},
    {"kind": "status", "status": 500, "rate": 0.01},
    {"kind": "status", "status": 429, "retry_after_s": 1, "rate": 0.005},
    {"kind": "refuse", "rate": 0.006},
    {"kind": "reset", "rate": 0.006},
    {"kind": "truncated", "rate": 0.006},
    {"kind": "revoke", "rate": 0.004},
    {"kind": "hang", "rate": 0.001},
)
_CHUNK = 500


class PartnerProcess:
    """The simulator at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, content: Any = None) -> Any:
        """What a control route answers to `content`, or to a GET without."""
        body = None if content is None else json.dumps(content).encode()
        with urlopen(Request(f"{self.url}/control/{path}", data=body), timeout=10) as response:  # noqa: S310
            return json.loads(response.read() or b"null")

    def fail(self, faults: Sequence[dict[str, Any]], seed: int = 1) -> None:
        """Put `faults` in force for the feed."""
        self.control("faults", {"faults": [{"route": "GET /products", **fault} for fault in faults], "seed": seed})

    def environment(self, folder: Path, database_url: str) -> dict[str, str]:
        """The environment of a machine that syncs with this partner."""
        return developers(folder) | {
            "FARMLOKAL_DATABASE_URL": database_url,
            "FARMLOKAL_SECRET_KEY": SECRET_KEY,
            "FARMLOKAL_OAUTH_TOKEN_URL": f"{self.url}/oauth/token",
            "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
            "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "FARMLOKAL_PARTNER_URL": self.url,
        }


@contextmanager
def partner_process(folder: Path, products: int) -> Iterator[PartnerProcess]:
    """A partner of `products` rows until the block ends."""
    arguments = ("partner", "--port", "0", "--products", str(products))
    with running(developers(folder), folder, *arguments) as process:
        assert process.stdout is not None
        yield PartnerProcess(process.stdout.readline().split()[-1])


def peak_bytes(process: subprocess.Popen[str]) -> int:
    """The most memory that a running process has had so far."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) * 1024


async def wait_for_rows(database: Database, count: int, process: subprocess.Popen[str]) -> int:
    """Return once the newest run has fetched `count` rows or `process` has ended; how many it has fetched."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        # Asked of the clock's own loop: a test that waits for another process has nothing else to do meanwhile.
        rows = await database.fetch("SELECT fetched FROM sync_runs ORDER BY id DESC LIMIT 1")
        if (rows and rows[0][0] >= count) or process.poll() is not None:
            return int(rows[0][0]) if rows else 0
        time.sleep(0.005)  # noqa: ASYNC251
    raise AssertionError(f"no {count} rows within a minute")


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
