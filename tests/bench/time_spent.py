"""Where time goes: processor time of the service, of Redis and of the database for a hit and for a miss."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

from tests.bench.answers import expect
from tests.bench.cold import CONNECTIONS as COLD_CONNECTIONS
from tests.bench.cores import share_cores
from tests.bench.families import FAMILIES, targets_of
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.processor_time import Spent, spent
from tests.bench.redis_hits import checked_share, distinct_pages, fill
from tests.bench.references import TARGET, plain_handler_running
from tests.bench.samples import Sample
from tests.bench.service_process import COLD, running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Stand
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.servers.process import ServerProcess

_FAMILY = "category, by price"
_HIT, _REDIS_HIT = "memory hit", "Redis hit, every request another page"
_MISS, _MISS_WITH_REDIS = "miss, without Redis", "miss with Redis: look, lease, load, store"
_PLAIN = "a plain aiohttp handler"


@dataclass(frozen=True, slots=True)
class _Flow:
    """A kind of request. pid: of what answers it. load: asks for a while. redis, database: whether it needs them."""

    pid: int
    load: Callable[[], Sample]
    redis: bool = False
    database: bool = False


@dataclass(frozen=True, slots=True)
class _Times:
    """Microseconds of one request: of what answers it, in its own code and in the kernel; of Redis; of the database."""

    own_us: float
    kernel_us: float
    redis_us: float
    database_us: float

    @property
    def worker_us(self) -> float:
        """Of what answers it alone."""
        return self.own_us + self.kernel_us


def time_spent(stand: Stand) -> Iterator[Figure]:
    """Processor time for one request, to that of a plain aiohttp handler."""
    with ExitStack() as servers:
        flows = _flows(stand, servers)
        for flow in flows.values():
            flow.load()
        rounds = [
            {name: _times(stand, flow) for name, flow in flows.items()} for _ in range(max(1, stand.options.rounds))
        ]
    for name in (_HIT, _REDIS_HIT, _MISS, _MISS_WITH_REDIS):
        pairs = [(one[name].worker_us, one[_PLAIN].worker_us) for one in rounds]
        yield ratio(
            name, pairs, f"{_PLAIN}, processor time for one request", better="smaller", extra=_extra(rounds, name)
        )
    pairs = [(one[_MISS_WITH_REDIS].worker_us, one[_MISS].worker_us) for one in rounds]
    yield ratio("the service's time for a miss with Redis", pairs, "for a miss without", goal="<= 1.2")


def _flows(stand: Stand, servers: ExitStack) -> dict[str, _Flow]:
    """Every kind of request, with what answers it started and asked once."""
    cores, start = share_cores(), servers.enter_context
    catalogue = stand.catalogue(stand.options.products)
    redis = {"FARMLOKAL_REDIS_URL": stand.redis.url()}
    pages, cold = distinct_pages(catalogue), targets_of(catalogue, FAMILIES[_FAMILY])
    load = partial(run_wrk, seconds=stand.options.seconds, cores=cores.load)
    run = partial(running_service, catalogue.url, cores=cores.service)

    hot = start(run(redis | LASTING))
    page = expect(hot.port, PAGE)
    from_redis = start(run(redis | LASTING | {"FARMLOKAL_L1_BYTES": "0"}))
    fill(from_redis.port, pages)
    checked_share(from_redis.port, pages)
    without, with_redis = start(run(COLD)), start(run(redis | COLD))
    for one in (hot, from_redis, without, with_redis):
        wait_until_settled(one.port, stand.options.products)
    plain = start(plain_handler_running(page, cores=cores.service))
    few = COLD_CONNECTIONS
    return {
        _PLAIN: _Flow(plain.pid, partial(load, plain.port, [TARGET], connections=CONNECTIONS)),
        _HIT: _Flow(hot.pid, partial(load, hot.port, [PAGE], connections=CONNECTIONS)),
        _REDIS_HIT: _Flow(from_redis.pid, partial(load, from_redis.port, pages, connections=CONNECTIONS), redis=True),
        _MISS: _Flow(without.pid, partial(load, without.port, cold, connections=few), database=True),
        _MISS_WITH_REDIS: _Flow(with_redis.pid, partial(load, with_redis.port, cold, connections=few), True, True),
    }


def _times(stand: Stand, flow: _Flow) -> _Times:
    """What one stretch of load takes, for each of its requests."""
    # A database server that somebody else runs may be on another machine. What Redis and the database do meanwhile for
    # the other services is not this request's.
    database = stand.access.pid if flow.database and isinstance(stand.access, ServerProcess) else None
    pids = (flow.pid, stand.redis.pid if flow.redis else None, database)
    before = [None if pid is None else spent(pid) for pid in pids]
    requests = flow.load().requests
    after = [None if pid is None else spent(pid) for pid in pids]
    own, redis, base = (
        Spent(0, 0) if start is None or end is None else end - start for start, end in zip(before, after, strict=True)
    )
    per_us = 1e6 / requests
    return _Times(own.user_s * per_us, own.kernel_s * per_us, redis.whole_s * per_us, base.whole_s * per_us)


def _extra(rounds: list[dict[str, _Times]], name: str) -> dict[str, float]:
    return {
        of: round(median(getattr(one[name], of) for one in rounds), 1)
        for of in ("own_us", "kernel_us", "redis_us", "database_us")
    }
