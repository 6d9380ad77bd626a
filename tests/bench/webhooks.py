"""The partner's events: how many a second, and how long each takes, beside the least that the database could do."""

from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from tests.bench.figures import Figure, ratio
from tests.bench.processor_time import processor_s
from tests.bench.samples import Sample
from tests.bench.service_process import Running, running_service
from tests.bench.stand import Catalogue, Stand
from tests.bench.webhook_load import POOL, PRODUCTS, SECRET, deliver, deliver_first, insert_and_update
from tests.servers.process import ServerProcess

_REFERENCE = "one INSERT and one UPDATE in a transaction, the same driver and pool"
_STOCK = 1_000_000  # no order meets an empty shelf
# What is sent, and the status that it is answered with.
_KINDS = {"new": 200, "duplicate": 200, "rejected": 401}
_RATE_GOALS = {"new": ">= 0.7", "duplicate": ">= 1.0"}
_P99_GOALS = {"new": "<= 2"}


class _Measured(NamedTuple):
    """One stretch of load, and microseconds of processor time for one event: ours, and the database's."""

    sample: Sample
    own_us: float
    database_us: float

    @property
    def whole_us(self) -> float:
        """Of both."""
        return self.own_us + self.database_us


def webhooks(stand: Stand) -> Iterator[Figure]:
    """Events a second at 32 connections, one worker, each as a ratio to plain transactions; p99, processor time."""
    catalogue = stand.catalogue(stand.options.products)
    catalogue.execute(
        f"UPDATE products SET stock = {_STOCK}, in_stock = DEFAULT WHERE source = 'seed' AND id <= {10 * PRODUCTS}"
    )
    rounds: dict[str, list[tuple[_Measured, _Measured]]] = {kind: [] for kind in _KINDS}
    variables = {"FARMLOKAL_WEBHOOK_SECRETS": SECRET, "FARMLOKAL_DATABASE_POOL": str(POOL)}
    with running_service(catalogue.url, {"FARMLOKAL_REDIS_URL": stand.redis.url(), **variables}) as running:
        stand.run(deliver_first, running.port)
        for round_number in range(stand.options.rounds):
            reference = _reference(stand, catalogue)
            for kind in _KINDS:
                rounds[kind].append((_delivered(stand, running, kind, round_number), reference))
    for kind, pairs in rounds.items():
        yield from _figures(kind, pairs)


def _reference(stand: Stand, catalogue: Catalogue) -> _Measured:
    database_s = _database_s(stand)
    sample, own_s = stand.run(insert_and_update, catalogue.address, seconds=stand.options.seconds)
    return _measured(sample, own_s, _database_s(stand) - database_s)


def _delivered(stand: Stand, running: Running, kind: str, round_number: int) -> _Measured:
    own_s, database_s = processor_s(running.pid), _database_s(stand)
    sample = stand.run(deliver, running.port, kind, round_number, _KINDS[kind], seconds=stand.options.seconds)
    return _measured(sample, processor_s(running.pid) - own_s, _database_s(stand) - database_s)


def _measured(sample: Sample, own_s: float, database_s: float) -> _Measured:
    per_us = 1e6 / sample.requests
    return _Measured(sample, own_s * per_us, database_s * per_us)


def _database_s(stand: Stand) -> float:
    # A database server that somebody else runs may be on another machine.
    return processor_s(stand.access.pid) if isinstance(stand.access, ServerProcess) else 0.0


def _figures(kind: str, pairs: list[tuple[_Measured, _Measured]]) -> Iterator[Figure]:
    samples = [(measured.sample, reference.sample) for measured, reference in pairs]
    yield ratio(
        f"{kind} events: rate",
        [(sample.rate, reference.rate) for sample, reference in samples],
        _REFERENCE,
        goal=_RATE_GOALS.get(kind),
        extra={
            "events_per_s": round(max(sample.rate for sample, _ in samples)),
            "errors": sum(sample.errors for sample, _ in samples),
        },
    )
    yield ratio(
        f"{kind} events: p99",
        [(sample.p99_ms, reference.p99_ms) for sample, reference in samples],
        _REFERENCE,
        goal=_P99_GOALS.get(kind),
        extra={"p99_ms": round(max(sample.p99_ms for sample, _ in samples), 1)},
        better="smaller",
    )
    measured, references = zip(*pairs, strict=True)
    yield ratio(
        f"{kind} events: processor time",
        [(one.whole_us, reference.whole_us) for one, reference in pairs],
        f"{_REFERENCE}; of our process and of the database, for one event",
        extra={
            "own_us": round(median(one.own_us for one in measured)),
            "database_us": round(median(one.database_us for one in measured)),
            "reference_own_us": round(median(one.own_us for one in references)),
            "reference_database_us": round(median(one.database_us for one in references)),
        },
        better="smaller",
    )
