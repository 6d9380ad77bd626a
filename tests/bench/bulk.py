"""Filling the catalogue, by seeding and by importing, to the server's own way of loading a file."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from farmlokal.catalog.writing.bulk_load import processes_for
from tests.bench.figures import Figure, ratio
from tests.bench.load_data import load_data, unload
from tests.bench.load_files import write_market, write_wire
from tests.bench.processor_time import Cost, children_s, processor_s, processor_us_a_row
from tests.bench.stand import Stand, farmlokal
from tests.servers.process import ServerProcess

_ROWS_MAX = 100_000
_ROUNDS_MAX = 3
_REFERENCE = "LOAD DATA LOCAL INFILE of the same rows into the same tables with their indexes, {}: rows a second"
_GOALS = {"seed": ">= 0.8", "import, market prices": ">= 0.6", "import, wire format": ">= 0.6"}


class _Load(NamedTuple):
    """One way to load, and LOAD DATA of what it wrote."""

    name: str
    connections: int
    ours: Cost
    reference: Cost


def bulk(stand: Stand) -> Iterator[Figure]:
    """Rows a second of `farmlokal seed` and `farmlokal import`, as processes, to those of LOAD DATA."""
    rows = min(_ROWS_MAX, stand.options.products)
    with tempfile.TemporaryDirectory() as folder:
        rounds = [_round(stand, rows, Path(folder)) for _ in range(min(_ROUNDS_MAX, stand.options.rounds))]
    for loads in zip(*rounds, strict=True):
        first = loads[0]
        pairs = [(rows / load.ours.seconds, rows / load.reference.seconds) for load in loads]
        extra: dict[str, float] = {
            "rows_per_s": round(median(one for one, _ in pairs)),
            "load_data_rows_per_s": round(median(other for _, other in pairs)),
            "processor_us_a_row": processor_us_a_row([load.ours for load in loads], rows),
            "load_data_processor_us_a_row": processor_us_a_row([load.reference for load in loads], rows),
        }
        connections = f"{first.connections} connection{'s' if first.connections > 1 else ''}"
        reference, goal = _REFERENCE.format(connections), _GOALS.get(first.name)
        yield ratio(f"{first.name}: {rows:,} rows", pairs, reference, goal=goal, extra=extra)


def _round(stand: Stand, rows: int, folder: Path) -> list[_Load]:
    """Each load with LOAD DATA right after it."""
    market, wire, newer = folder / "market.csv", folder / "products.ndjson", folder / "newer.ndjson"
    write_market(market, rows)
    write_wire(wire, rows, version=1)
    write_wire(newer, rows, version=2)

    def reference(database: str, connections: int) -> Cost:
        tables = unload(stand.access, database, folder, parts=connections)
        target = stand.access.url(stand.new_database())
        return _cost(stand, lambda: load_data(target, tables))

    def load(name: str, database: str, *arguments: str, connections: int = 1) -> _Load:
        ours = _cost(stand, lambda: farmlokal(stand.access.url(database), *arguments))
        return _Load(name, connections, ours, reference(database, connections))

    prices, products = stand.new_database(), stand.new_database()
    return [
        load("seed", stand.new_database(), "seed", "--products", str(rows), connections=processes_for(rows)),
        load("import, market prices", prices, "import", str(market)),
        load("import, market prices unchanged", prices, "import", str(market)),
        load("import, wire format", products, "import", str(wire)),
        load("import, every row unchanged", products, "import", str(wire)),
        load("import, every row changed", products, "import", str(newer)),
    ]


def _cost(stand: Stand, work: Callable[[], object]) -> Cost:
    """What `work` takes, and what the server takes for it where it is our own."""
    before_s, began_s = _processor_s(stand), time.perf_counter()
    work()
    return Cost(time.perf_counter() - began_s, _processor_s(stand) - before_s)


def _processor_s(stand: Stand) -> float:
    server_s = processor_s(stand.access.pid) if isinstance(stand.access, ServerProcess) else 0.0
    return server_s + time.process_time() + children_s()
