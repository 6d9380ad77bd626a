"""Past one machine: hits from a Redis Cluster beside those from one Redis, and three instances beside one.

Instances, unlike workers, share nothing but Redis and the database. On a few cores they cannot show a rate: what they
show is how many requests they answer in a second of processor time, which is what each of them would go on answering
with on a machine of its own.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median

from tests.bench.cores import Cores, share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.processor_time import processor_s
from tests.bench.redis_hits import NO_MEMORY, checked_share, distinct_pages, fill
from tests.bench.samples import Sample
from tests.bench.service_process import Running, running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Stand
from tests.bench.turns import in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.servers.redis_groups import RedisCluster

_INSTANCES = 3
_ON_ONE, _ON_CLUSTER = "one Redis", "a cluster"


@dataclass(slots=True)
class _Asked:
    """Instances that are asked for the same at once, and what it cost.

    redis_pids: of the Redis servers behind them. per_processor_s: of each sample, the requests in a second of the
    instances' processor time. redis_us: of each sample, the microseconds of Redis for a request.
    """

    instances: Sequence[Running]
    targets: Sequence[str]
    redis_pids: Sequence[int]
    per_processor_s: list[float] = field(default_factory=list)
    redis_us: list[float] = field(default_factory=list)

    def take(self, stand: Stand, cores: Cores) -> Sample:
        """One sample: as many connections to each instance as in the other figures."""

        def ask(one: Running) -> Sample:
            return run_wrk(one.port, self.targets, seconds=stand.options.seconds, cores=cores.load)

        pids = [one.pid for one in self.instances]
        before, redis_before = _spent_s(pids), _spent_s(self.redis_pids)
        with ThreadPoolExecutor(len(self.instances)) as asking:
            samples = list(asking.map(ask, self.instances))
        requests = sum(sample.requests for sample in samples)
        self.per_processor_s.append(requests / (_spent_s(pids) - before))
        self.redis_us.append((_spent_s(self.redis_pids) - redis_before) / requests * 1e6)
        first = samples[0]
        return replace(
            first,
            rate=sum(sample.rate for sample in samples),
            requests=requests,
            errors=sum(sample.errors for sample in samples),
            p99_ms=max(sample.p99_ms for sample in samples),
        )


def scaling(stand: Stand) -> Iterator[Figure]:
    """Hits from a Redis Cluster beside one Redis; three instances beside one, by processor time."""
    yield from _on_a_cluster(stand)
    yield from _three_beside_one(stand)


def _on_a_cluster(stand: Stand) -> Iterator[Figure]:
    cores, targets = share_cores(), distinct_pages(stand.catalogue(stand.options.products))
    with ExitStack() as servers:
        cluster = servers.enter_context(RedisCluster())
        asked = {}
        for name, redis_url, pids in (
            (_ON_ONE, stand.redis.url(), [stand.redis.pid]),
            (_ON_CLUSTER, cluster.url, [node.pid for node in cluster.nodes]),
        ):
            settings = {"FARMLOKAL_REDIS_URL": redis_url, **LASTING, **NO_MEMORY}
            running = servers.enter_context(
                running_service(stand.catalogue(stand.options.products).url, settings, cores=cores.service)
            )
            fill(running.port, targets)
            wait_until_settled(running.port, stand.options.products)
            asked[name] = _Asked([running], targets, pids)
        taken = _in_turns(stand, cores, asked)
        shares = [checked_share(one.instances[0].port, targets) for one in asked.values()]
    extra = _told(taken, asked, _ON_CLUSTER, _ON_ONE) | {"from_redis": round(min(shares), 3)}
    name = f"redis hit, {len(targets):,} pages in turn, {_ON_CLUSTER}"
    yield ratio(f"{name} / {_ON_ONE}", rates(taken, _ON_CLUSTER, _ON_ONE), _ON_ONE, goal=">= 0.85", extra=extra)


def _three_beside_one(stand: Stand) -> Iterator[Figure]:
    cores, url = share_cores(_INSTANCES), stand.catalogue(stand.options.products).url
    targets = distinct_pages(stand.catalogue(stand.options.products))
    for kind, further, pages in (("memory hit", {}, [PAGE]), ("redis hit", NO_MEMORY, targets)):
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING, **further}
        with ExitStack() as servers:
            every = [
                servers.enter_context(running_service(url, settings, cores=cores.service)) for _ in range(_INSTANCES)
            ]
            for one in every:
                fill(one.port, pages)
                wait_until_settled(one.port, stand.options.products)
            asked = {
                "1 instance": _Asked(every[:1], pages, [stand.redis.pid]),
                "3 instances": _Asked(every, pages, [stand.redis.pid]),
            }
            taken = _in_turns(stand, cores, asked)
        alone, together = (asked[name].per_processor_s for name in asked)
        pairs = [(_INSTANCES * each, single) for each, single in zip(together, alone, strict=True)]
        name = f"{kind}, {_INSTANCES} instances: requests in {_INSTANCES} s of processor time"
        extra = _told(taken, asked, "3 instances", "1 instance")
        yield ratio(name, pairs, "in 1 s with one", goal=">= 2.7", extra=extra)


def _in_turns(stand: Stand, cores: Cores, asked: dict[str, _Asked]) -> list[dict[str, Sample]]:
    """The samples, after a round that is not counted."""
    takes = {name: lambda one=one: one.take(stand, cores) for name, one in asked.items()}
    in_turns(1, takes)
    for one in asked.values():
        one.per_processor_s.clear()
        one.redis_us.clear()
    return in_turns(stand.options.rounds, takes)


def _told(
    taken: list[dict[str, Sample]], asked: dict[str, _Asked], name: str, reference: str
) -> dict[str, float | str]:
    """What stands beside a figure: absolute numbers, and the processor time of the service and of Redis."""
    return {
        **told(taken, name),
        "reference_per_s": told(taken, reference)["per_s"],
        "service_us": round(1e6 / median(asked[name].per_processor_s), 1),
        "reference_service_us": round(1e6 / median(asked[reference].per_processor_s), 1),
        "redis_us": round(median(asked[name].redis_us), 2),
        "reference_redis_us": round(median(asked[reference].redis_us), 2),
        "connections": CONNECTIONS,
    }


def _spent_s(pids: Sequence[int]) -> float:
    return sum(processor_s(pid) for pid in pids)
