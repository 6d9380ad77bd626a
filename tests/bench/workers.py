"""Whether three processes answer three times as much as one.

One core's load generator asks for less than three workers can answer from memory; nginx beside shows by how much. So
the growth is measured in three further ways: from one worker to two, with two cores for the load; of the whole request
path, which asks more of the service for each request; and by how much processor time a request takes, which is what the
idle share of each worker would go on answering with.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

from tests.bench.answers import expect
from tests.bench.cores import Cores, share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.processor_time import processor_s
from tests.bench.references import TARGET, nginx_with
from tests.bench.samples import Sample
from tests.bench.service_process import running_service
from tests.bench.stand import Stand
from tests.bench.turns import in_turns, rates, told
from tests.bench.wrk import run_wrk

_WORKERS = 3
# For each worker as many as in the other figures: the kernel gives connections to workers by chance.
_CONNECTIONS = 96
_ONE, _ALL = "1 worker", f"{_WORKERS} workers"
_WIDE = "wide, "
_REFERENCE = "the same with one worker"


@dataclass(slots=True)
class _Fleet:
    """A server with so many workers, and what each sample of it came to in requests per second of processor time."""

    port: int
    target: str
    workers: int
    pid: int | None
    load: tuple[int, ...]
    per_processor_s: list[float] = field(default_factory=list)

    def take(self, stand: Stand) -> Sample:
        """One sample, all of it from the cores in `load`."""
        used_s = -processor_s(self.pid) if self.pid else 0.0
        sample = run_wrk(
            self.port,
            [self.target],
            seconds=stand.options.seconds,
            cores=self.load,
            connections=_CONNECTIONS,
        )
        if self.pid:
            used_s += processor_s(self.pid)
            self.per_processor_s.append(sample.requests / used_s)
        return sample


def workers(stand: Stand) -> Iterator[Figure]:
    """Requests a second for one page from memory with three workers, to those with one; nginx beside both."""
    cores = share_cores(_WORKERS)
    with ExitStack() as servers:
        fleets = _fleets(stand, servers, cores)
        takes = {name: partial(fleet.take, stand) for name, fleet in fleets.items()}
        in_turns(1, takes)
        taken = in_turns(stand.options.rounds, takes)

    def grown(kind: str, name: str, count: str, goal: str | None = None) -> Figure:
        one, many = f"{kind}{_ONE}", f"{kind}{count}"
        fleet = fleets[many]
        used = Cores(cores.service[: fleet.workers], fleet.load)
        where = {"cores": str(used), "connections": _CONNECTIONS, "workers": fleet.workers}
        extra = told(taken, many) | {"reference_per_s": told(taken, one)["per_s"]} | where
        return ratio(f"{name}, {count}", rates(taken, many, one), _REFERENCE, goal=goal, extra=extra)

    yield grown("", "memory hit", "2 workers")
    if len(fleets[f"{_WIDE}{_ONE}"].load) > 1:
        yield grown(_WIDE, "memory hit, two cores of load", "2 workers")
    yield grown("", "memory hit", _ALL, goal=">= 2.4")
    yield grown("nginx, ", "nginx, the same load", _ALL)
    yield grown("whole path, ", "memory hit, hot path off", _ALL, goal=">= 2.4")
    yield _by_processor_time(fleets[_ONE], fleets[_ALL])


def _by_processor_time(one: _Fleet, every: _Fleet) -> Figure:
    rounds = list(zip(every.per_processor_s[1:], one.per_processor_s[1:], strict=True))
    pairs = [(_WORKERS * many, single) for many, single in rounds]
    extra = {"per_processor_s": round(median(many for many, _ in rounds)), "workers": _WORKERS}
    return ratio(
        f"memory hit, {_ALL}: requests in {_WORKERS} s of processor time", pairs, "in 1 s with one", extra=extra
    )


def _fleets(stand: Stand, servers: ExitStack, cores: Cores) -> dict[str, _Fleet]:
    url = stand.catalogue(stand.options.products).url
    settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}
    fleets = {}
    for kind, further, counts in (
        ("", {}, (1, 2, _WORKERS)),
        ("whole path, ", {"FARMLOKAL_HOT_PATH": "off"}, (1, _WORKERS)),
    ):
        for count in counts:
            running = servers.enter_context(
                running_service(url, settings | further, workers=count, cores=cores.service[:count])
            )
            fleets[f"{kind}{_name(count)}"] = _Fleet(running.port, PAGE, count, running.pid, cores.load[:1])
    page = expect(fleets[_ONE].port, PAGE)
    for count in (1, _WORKERS):
        port = servers.enter_context(nginx_with(page, workers=count, cores=cores.service[:count]))
        fleets[f"nginx, {_name(count)}"] = _Fleet(port, TARGET, count, None, cores.load[:1])
    # Beside two workers there is a second core for the load, which the third worker has elsewhere.
    wide = (*cores.service[2:], *cores.load[:1])
    for count in (1, 2):
        fleets[f"{_WIDE}{_name(count)}"] = replace(fleets[_name(count)], load=wide, per_processor_s=[])
    return fleets


def _name(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"
