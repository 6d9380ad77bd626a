"""The first seconds of a service that starts with empty caches under full load."""

import random
from collections.abc import Iterator

from tests.bench.families import FAMILIES, targets_of
from tests.bench.figures import Figure, ratio
from tests.bench.http_load import run_load
from tests.bench.samples import Sample
from tests.bench.service_process import service
from tests.bench.stand import Catalogue, Stand

_URLS = 2_000
_CONNECTIONS = 32
_SECONDS = 5.0
_REQUESTS = 100_000  # drawn once; whoever answers more in five seconds is asked them again
_ZIPF_EXPONENT = 1.0


def burst(stand: Stand) -> Iterator[Figure]:
    """The rate of the first five seconds on empty caches, to that of five seconds on full ones."""
    requests = _zipf_requests(stand.catalogue(stand.options.products))
    rounds = [_cold_and_warm(stand, requests) for _ in range(stand.options.rounds)]
    rates = [(cold.rate, warm.rate) for cold, warm in rounds]
    yield ratio(
        f"cold burst: {_URLS:,} URLs, {_CONNECTIONS} connections, {_SECONDS:.0f} s: rate",
        rates,
        "the same with every page in the cache",
        extra={
            "errors": sum(cold.errors for cold, _ in rounds),
            "requests_per_s": round(sorted(cold for cold, _ in rates)[len(rates) // 2]),
            "warm_requests_per_s": round(sorted(warm for _, warm in rates)[len(rates) // 2]),
            "p99_ms": round(max(cold.p99_ms for cold, _ in rounds), 1),
        },
    )


def _zipf_requests(catalogue: Catalogue) -> list[str]:
    draw = random.Random(1)
    urls = [url for family in FAMILIES.values() for url in targets_of(catalogue, family)[: _URLS // len(FAMILIES) + 1]]
    draw.shuffle(urls)
    weights = [1 / rank**_ZIPF_EXPONENT for rank in range(1, _URLS + 1)]
    return draw.choices(urls[:_URLS], weights, k=_REQUESTS)


def _cold_and_warm(stand: Stand, requests: list[str]) -> tuple[Sample, Sample]:
    stand.redis.flush()
    with service(stand.catalogue(stand.options.products).url, FARMLOKAL_REDIS_URL=stand.redis.url()) as port:
        cold = stand.run(run_load, port, requests, connections=_CONNECTIONS, seconds=_SECONDS)
        stand.run(run_load, port, sorted(set(requests)), connections=_CONNECTIONS, seconds=2.0)
        warm = stand.run(run_load, port, requests, connections=_CONNECTIONS, seconds=_SECONDS)
    return cold, warm
