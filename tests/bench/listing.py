"""What each family of listing questions costs on a cold cache, and whether depth costs anything."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from tests.bench.cold import CONNECTIONS, cold_service
from tests.bench.families import DEEP_PAGE, FAMILIES, pages_around
from tests.bench.figures import Figure, ratio
from tests.bench.row_load import ROWS
from tests.bench.samples import Sample
from tests.bench.stand import Stand

REFERENCE = f"{ROWS} rows by primary key with aiomysql, {CONNECTIONS} at a time"


def families(stand: Stand) -> Iterator[Figure]:
    """Median and p99 of each family through HTTP, each to that of the reference."""
    with cold_service(stand, stand.catalogue(stand.options.products)) as running:
        for name in FAMILIES:
            pairs = paired(stand.options.rounds, partial(running.family, name), running.reference)
            yield from _median_and_p99(name, pairs, REFERENCE)


def depth(stand: Stand) -> Iterator[Figure]:
    """Pages around number 10,000 to the first pages, and to the reference, in every order."""
    catalogue = stand.catalogue(stand.options.products)
    deep_page = min(DEEP_PAGE, catalogue.products // 40)
    with cold_service(stand, catalogue) as running:
        first, deep = pages_around(catalogue, 1), pages_around(catalogue, deep_page)
        running.ask(first + deep)
        pairs = paired(stand.options.rounds, lambda: running.ask(deep), lambda: running.ask(first))
        medians = [(one.median_ms, other.median_ms) for one, other in pairs]
        extra = _absolute(pairs, "median_ms")
        yield ratio(f"page {deep_page:,} to page 1: median", medians, "page 1", goal="<= 1.2", extra=extra)
        pairs = paired(stand.options.rounds, lambda: running.ask(deep), running.reference)
        yield from _median_and_p99(f"page {deep_page:,}", pairs, REFERENCE)


def paired(rounds: int, figure: Callable[[], Sample], reference: Callable[[], Sample]) -> list[tuple[Sample, Sample]]:
    """A sample of each in every round, the two taking turns at being first."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            against = reference()
            pairs.append((figure(), against))
        else:
            measured = figure()
            pairs.append((measured, reference()))
    return pairs


def _median_and_p99(name: str, pairs: list[tuple[Sample, Sample]], reference: str) -> Iterator[Figure]:
    medians = [(one.median_ms, other.median_ms) for one, other in pairs]
    p99s = [(one.p99_ms, other.p99_ms) for one, other in pairs]
    yield ratio(f"{name}: median", medians, reference, goal="<= 1.5", extra=_absolute(pairs, "median_ms"))
    yield ratio(f"{name}: p99", p99s, reference, goal="<= 2.5", extra=_absolute(pairs, "p99_ms"))


def _absolute(pairs: list[tuple[Sample, Sample]], what: str) -> dict[str, float]:
    return {
        "ms": round(median(getattr(one, what) for one, _ in pairs), 2),
        "reference_ms": round(median(getattr(other, what) for _, other in pairs), 2),
    }
