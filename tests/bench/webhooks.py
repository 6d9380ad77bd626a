"""The partner's events: how many a second, and how long each takes, beside the least that the database could do."""

from collections.abc import Iterator

from tests.bench.figures import Figure, ratio
from tests.bench.samples import Sample
from tests.bench.service_process import service
from tests.bench.stand import Stand
from tests.bench.webhook_load import POOL, PRODUCTS, SECRET, deliver, insert_and_update

_REFERENCE = "one INSERT and one UPDATE in a transaction, the same driver and pool"
_STOCK = 1_000_000  # no order meets an empty shelf
# What is sent, and the status that it is answered with.
_KINDS = {"new": 200, "duplicate": 200, "rejected": 401}


def webhooks(stand: Stand) -> Iterator[Figure]:
    """Events a second at 32 connections, one worker, each as a ratio to plain transactions; the p99 as well."""
    catalogue = stand.catalogue(stand.options.products)
    catalogue.execute(
        f"UPDATE products SET stock = {_STOCK}, in_stock = DEFAULT WHERE source = 'seed' AND id <= {10 * PRODUCTS}"
    )
    rounds: dict[str, list[tuple[Sample, Sample]]] = {kind: [] for kind in _KINDS}
    variables = {"FARMLOKAL_WEBHOOK_SECRETS": SECRET, "FARMLOKAL_DATABASE_POOL": str(POOL)}
    with service(catalogue.url, FARMLOKAL_REDIS_URL=stand.redis.url(), **variables) as port:
        for round_number in range(stand.options.rounds):
            reference = stand.run(insert_and_update, catalogue.address, seconds=stand.options.seconds)
            for kind, expected in _KINDS.items():
                sample = stand.run(deliver, port, kind, round_number, expected, seconds=stand.options.seconds)
                rounds[kind].append((sample, reference))
    for kind, samples in rounds.items():
        yield ratio(
            f"{kind} events: rate",
            [(sample.rate, reference.rate) for sample, reference in samples],
            _REFERENCE,
            extra={
                "events_per_s": round(max(sample.rate for sample, _ in samples)),
                "errors": sum(sample.errors for sample, _ in samples),
            },
        )
        yield ratio(
            f"{kind} events: p99",
            [(sample.p99_ms, reference.p99_ms) for sample, reference in samples],
            _REFERENCE,
            extra={"p99_ms": round(max(sample.p99_ms for sample, _ in samples), 1)},
            better="smaller",
        )
