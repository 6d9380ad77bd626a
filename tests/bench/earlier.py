"""What writing and room cost, to what they did before near and search."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from tests.bench.earlier_load import load_s, upsert_s
from tests.bench.earlier_schema import make_earlier
from tests.bench.figures import Figure, ratio
from tests.bench.stand import Catalogue, Stand

_ROWS_MAX = 100_000
_GOAL = "<= 1.25"
_REFERENCE = "the same by the schema before near and search"
# Of today's and of the earlier one.
Pair = tuple[float, float]


def earlier(stand: Stand) -> Iterator[Figure]:
    """Time of a bulk load and of upserts, one connection each, and bytes, to those of the schema before."""
    rows = min(_ROWS_MAX, stand.options.products)
    loads: list[Pair] = []
    upserts: list[Pair] = []
    sizes: list[Pair] = []
    for number in range(stand.options.rounds):
        now, before = (Catalogue(stand.access, stand.new_database(), rows) for _ in range(2))
        make_earlier(before)
        loads.append(_in_turns(number, partial(_load_s, stand, now), partial(_load_s, stand, before, earlier=True)))
        sizes.append((_bytes(now), _bytes(before)))
        upsert = partial(_upsert_s, stand, number)
        upserts.append(_in_turns(number, partial(upsert, now), partial(upsert, before, earlier=True)))
    yield _figure(f"bulk load: {rows:,} rows", loads, "rows_per_s", rows)
    yield _figure(f"upserts into {rows:,} rows", upserts, "rows_per_s", 1)
    extra = {"bytes_per_row": round(median(now for now, _ in sizes) / rows)}
    yield ratio(f"size: {rows:,} rows", sizes, _REFERENCE, goal=_GOAL, extra=extra)


def _in_turns(number: int, now: Callable[[], float], before: Callable[[], float]) -> Pair:
    """Measure both, one first in even rounds, the other in odd ones."""
    if number % 2:
        against = before()
        return now(), against
    measured = now()
    return measured, before()


def _load_s(stand: Stand, catalogue: Catalogue, *, earlier: bool = False) -> float:
    return stand.run(load_s, catalogue.address, catalogue.products, earlier=earlier)


def _upsert_s(stand: Stand, seed: int, catalogue: Catalogue, *, earlier: bool = False) -> float:
    seconds = stand.options.seconds
    return stand.run(upsert_s, catalogue.address, catalogue.products, earlier=earlier, seconds=seconds, seed=seed)


def _bytes(catalogue: Catalogue) -> float:
    tables = [name for (name,) in catalogue.execute("SHOW TABLES")]
    catalogue.execute(f"ANALYZE TABLE {', '.join(tables)}")
    ((total,),) = catalogue.execute(
        f"SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = '{catalogue.name}'"
    )
    return float(total)


def _figure(name: str, pairs: list[Pair], unit: str, rows: int) -> Figure:
    """The figure of times for so many rows."""
    now, before = (rows / median(times) for times in zip(*pairs, strict=True))
    extra = {unit: round(now), f"reference_{unit}": round(before)}
    return ratio(name, pairs, _REFERENCE, goal=_GOAL, extra=extra)
