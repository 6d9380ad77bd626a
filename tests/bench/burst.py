"""The first seconds of a service that starts with empty caches under full load."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from tests.bench.answers import ask
from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.processor_time import TimedTake
from tests.bench.samples import Sample
from tests.bench.service_process import running_service
from tests.bench.stand import Stand
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.bench.zipf import URLS, zipf_requests

_SECONDS = 5.0
_LOADED = re.compile(r'^farmlokal_origin_loads_total\{result="loaded"\} (\S+)$', re.MULTILINE)
_NAME = f"cold burst: {URLS:,} URLs, {_SECONDS:.0f} s"


@dataclass(frozen=True, slots=True)
class _Round:
    """One start: the first seconds, and as many on full caches; what a hit and a page's load took of the processor."""

    cold: Sample
    warm: Sample
    hit_us: float
    load_us: float


def burst(stand: Stand) -> Iterator[Figure]:
    """The first five seconds on empty caches, 32 connections, to five seconds on full ones: rate and p99."""
    requests = zipf_requests(stand.catalogue(stand.options.products))
    rounds = [_cold_and_warm(stand, requests) for _ in range(stand.options.rounds)]
    extra = {
        "errors": sum(one.cold.errors for one in rounds),
        "per_s": round(median(one.cold.rate for one in rounds)),
        "warm_per_s": round(median(one.warm.rate for one in rounds)),
        "p99_ms": round(median(one.cold.p99_ms for one in rounds), 2),
        "warm_median_ms": round(median(one.warm.median_ms for one in rounds), 3),
        "cores": str(share_cores()),
    }
    rates = [(one.cold.rate, one.warm.rate) for one in rounds]
    yield ratio(f"{_NAME}: rate", rates, "the same with every page in the cache", goal=">= 0.5", extra=extra)
    times = [(one.cold.p99_ms, one.warm.median_ms) for one in rounds]
    yield ratio(f"{_NAME}: p99", times, "the median with every page in the cache", goal="<= 20", extra=extra)
    # While nearly every connection waits for a load, a page waits for as many loads as a hit waits for hits.
    spent = {
        "us": round(median(one.load_us for one in rounds), 1),
        "reference_us": round(median(one.hit_us for one in rounds), 1),
    }
    yield ratio(
        f"{_NAME}: the service's processor time for a load",
        [(one.load_us, one.hit_us) for one in rounds],
        "for a hit",
        better="smaller",
        extra=spent,
    )


def _cold_and_warm(stand: Stand, requests: list[str]) -> _Round:
    stand.redis.flush()
    cores = share_cores()
    url = stand.catalogue(stand.options.products).url
    with running_service(url, {"FARMLOKAL_REDIS_URL": stand.redis.url()}, cores=cores.service) as running:

        def load(targets: list[str], seconds: float) -> Sample:
            return run_wrk(running.port, targets, seconds=seconds, cores=cores.load, connections=CONNECTIONS)

        cold = TimedTake((running.pid,), partial(load, requests, _SECONDS))
        warm = TimedTake((running.pid,), partial(load, requests, _SECONDS))
        loads_before = _loads(running.port)
        cold_sample = cold()
        loads = _loads(running.port) - loads_before
        load(sorted(set(requests)), 2.0)
        warm_sample = warm()
    (of_all_us,), (hit_us,) = cold.per_request_us, warm.per_request_us
    load_us = hit_us + (of_all_us - hit_us) * cold_sample.requests / loads
    return _Round(cold_sample, warm_sample, hit_us, load_us)


def _loads(port: int) -> int:
    """How many pages the service has loaded so far."""
    (loaded,) = _LOADED.findall(ask(port, "/metrics").body.decode())
    return int(float(loaded))
