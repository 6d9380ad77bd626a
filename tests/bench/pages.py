"""What longer pages cost, from memory and from the database."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.bench.answers import expect
from tests.bench.cold import cold_service
from tests.bench.cores import share_cores
from tests.bench.families import FAMILIES, targets_of
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.processor_time import TimedTake
from tests.bench.references import TARGET, nginx_running
from tests.bench.service_process import running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Stand
from tests.bench.turns import in_turns, rates, told
from tests.bench.wrk import run_wrk

_LIMITS = (1, 20, 100)
_USUAL = 20
_FAMILY = "category, by price"


def pages(stand: Stand) -> Iterator[Figure]:
    """Pages of 1, 20 and 100 products: hits beside nginx with the same bytes, misses beside pages of 20."""
    yield from _hits(stand)
    yield from _misses(stand)


def _hits(stand: Stand) -> Iterator[Figure]:
    cores = share_cores()
    url = stand.catalogue(stand.options.products).url
    with ExitStack() as servers:
        start = servers.enter_context
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}
        service = start(running_service(url, settings, cores=cores.service))
        wait_until_settled(service.port, stand.options.products)
        ask = partial(run_wrk, seconds=stand.options.seconds, cores=cores.load)
        for limit in _LIMITS:
            target = f"{PAGE}&limit={limit}"
            page = expect(service.port, target)
            beside = start(nginx_running(page, cores=cores.service))
            hit = TimedTake((service.pid,), partial(ask, service.port, [target]))
            nginx = TimedTake((beside.pid,), partial(ask, beside.port, [TARGET]))
            taken = in_turns(stand.options.rounds, {"hit": hit, "nginx": nginx})
            times = {name: round(median(one.per_request_us), 1) for name, one in (("us", hit), ("reference_us", nginx))}
            yield ratio(
                f"memory hit, page of {limit}",
                rates(taken, "hit", "nginx"),
                "nginx with one worker, a file of the same bytes",
                goal=">= 0.85" if limit == max(_LIMITS) else None,
                extra=told(taken, "hit") | times | {"of": "memory hit", "limit": limit, "body_bytes": len(page.body)},
            )


def _misses(stand: Stand) -> Iterator[Figure]:
    catalogue = stand.catalogue(stand.options.products)
    with cold_service(stand, catalogue) as running:
        draws = targets_of(catalogue, FAMILIES[_FAMILY])
        takes = {str(limit): partial(running.ask, [f"{one}&limit={limit}" for one in draws]) for limit in _LIMITS}
        taken = in_turns(stand.options.rounds, takes)
        for limit in _LIMITS:
            pairs = [(samples[str(limit)].median_ms, samples[str(_USUAL)].median_ms) for samples in taken]
            yield ratio(
                f"cold listing, page of {limit}: median",
                pairs,
                f"a page of {_USUAL}",
                better="smaller",
                extra={
                    "median_ms": round(median(one for one, _ in pairs), 3),
                    "p99_ms": round(median(samples[str(limit)].p99_ms for samples in taken), 3),
                    "of": "cold listing",
                    "limit": limit,
                },
            )
