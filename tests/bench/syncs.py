"""The sync with the partner's feed, to writing the same rows without asking or checking anything."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.figures import Figure, ratio
from tests.bench.stand import Stand
from tests.bench.sync_load import sync_rates
from tests.support.partner_process import partner_process

_ROWS_MAX = 40_000
_ROUNDS_MAX = 3
_REFERENCE = "executemany of the same finished rows, 500 to a transaction, one connection: rows a second"


def syncs(stand: Stand) -> Iterator[Figure]:
    """Rows a second of a full sync to those of executemany."""
    rows = min(_ROWS_MAX, stand.options.products)
    with tempfile.TemporaryDirectory() as folder, partner_process(Path(folder), rows) as partner:
        rounds = []
        for _ in range(min(_ROUNDS_MAX, stand.options.rounds)):
            url, plain_url = (stand.access.url(stand.new_database()) for _ in range(2))
            rounds.append(stand.run(sync_rates, url, plain_url, partner.url, rows))
    plain = [one.executemany for one in rounds]
    for name, measured in (("new", [one.new for one in rounds]), ("unchanged", [one.unchanged for one in rounds])):
        extra = {"rows_per_s": round(median(measured)), "executemany_rows_per_s": round(median(plain))}
        pairs = list(zip(measured, plain, strict=True))
        yield ratio(f"full sync: {rows:,} rows, every one {name}", pairs, _REFERENCE, extra=extra)
