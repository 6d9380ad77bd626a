"""The first seconds of a service that starts with empty caches under full load."""

from collections.abc import Iterator
from statistics import median

from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.samples import Sample
from tests.bench.service_process import running_service
from tests.bench.stand import Stand
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.bench.zipf import URLS, zipf_requests

_SECONDS = 5.0
_NAME = f"cold burst: {URLS:,} URLs, {_SECONDS:.0f} s"


def burst(stand: Stand) -> Iterator[Figure]:
    """The first five seconds on empty caches, 32 connections, to five seconds on full ones: rate and p99."""
    requests = zipf_requests(stand.catalogue(stand.options.products))
    rounds = [_cold_and_warm(stand, requests) for _ in range(stand.options.rounds)]
    extra = {
        "errors": sum(cold.errors for cold, _ in rounds),
        "per_s": round(median(cold.rate for cold, _ in rounds)),
        "warm_per_s": round(median(warm.rate for _, warm in rounds)),
        "p99_ms": round(median(cold.p99_ms for cold, _ in rounds), 2),
        "warm_median_ms": round(median(warm.median_ms for _, warm in rounds), 3),
        "cores": str(share_cores()),
    }
    rates = [(cold.rate, warm.rate) for cold, warm in rounds]
    yield ratio(f"{_NAME}: rate", rates, "the same with every page in the cache", goal=">= 0.5", extra=extra)
    times = [(cold.p99_ms, warm.median_ms) for cold, warm in rounds]
    yield ratio(f"{_NAME}: p99", times, "the median with every page in the cache", goal="<= 20", extra=extra)


def _cold_and_warm(stand: Stand, requests: list[str]) -> tuple[Sample, Sample]:
    stand.redis.flush()
    cores = share_cores()
    url = stand.catalogue(stand.options.products).url
    with running_service(url, {"FARMLOKAL_REDIS_URL": stand.redis.url()}, cores=cores.service) as running:

        def load(targets: list[str], seconds: float) -> Sample:
            return run_wrk(running.port, targets, seconds=seconds, cores=cores.load, connections=CONNECTIONS)

        cold = load(requests, _SECONDS)
        load(sorted(set(requests)), 2.0)
        warm = load(requests, _SECONDS)
    return cold, warm
