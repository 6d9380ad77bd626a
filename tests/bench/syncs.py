"""The sync with the partner's feed, to writing the same rows without asking or checking anything."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, ratio
from tests.bench.processor_time import processor_us_a_row
from tests.bench.stand import Stand
from tests.bench.sync_load import sync_costs
from tests.servers.process import ServerProcess
from tests.support.partner_process import partner_process

_ROWS_MAX = 40_000
_ROUNDS_MAX = 3
_REFERENCE = "executemany of the same finished rows, 500 to a transaction, one connection: rows a second"


def syncs(stand: Stand) -> Iterator[Figure]:
    """Rows a second of a full sync to those of executemany."""
    rows = min(_ROWS_MAX, stand.options.products)
    server_pid = stand.access.pid if isinstance(stand.access, ServerProcess) else None
    with tempfile.TemporaryDirectory() as folder, partner_process(Path(folder), rows) as partner:
        rounds = []
        for _ in range(min(_ROUNDS_MAX, stand.options.rounds)):
            url, plain_url = (stand.access.url(stand.new_database()) for _ in range(2))
            rounds.append(stand.run(sync_costs, url, plain_url, partner.url, rows, server_pid))
    plain = [one.executemany for one in rounds]
    for name, goal, measured in (
        ("new", ">= 1.0", [one.new for one in rounds]),
        ("unchanged", ">= 2.5", [one.unchanged for one in rounds]),
    ):
        extra: dict[str, float] = {
            "rows_per_s": round(rows / median(one.seconds for one in measured)),
            "executemany_rows_per_s": round(rows / median(one.seconds for one in plain)),
            "processor_us_a_row": processor_us_a_row(measured, rows),
            "executemany_processor_us_a_row": processor_us_a_row(plain, rows),
        }
        pairs = [(rows / one.seconds, rows / other.seconds) for one, other in zip(measured, plain, strict=True)]
        yield ratio(f"full sync: {rows:,} rows, every one {name}", pairs, _REFERENCE, goal=goal, extra=extra)
