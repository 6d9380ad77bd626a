"""Half of what the service can do, for minutes: how even its times are, and whether its memory stays."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from tests.bench.answers import Answer, ask
from tests.bench.cores import Cores, share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import PAGE
from tests.bench.references import TARGET, nginx_with
from tests.bench.service_process import Running, running_service
from tests.bench.stand import Stand
from tests.bench.steady_load import SteadyRun, run_steady
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.bench.zipf import zipf_requests

_SHARE_OF_PEAK = 0.5
_SECTIONS = 10
_NGINX_SECTIONS = 2
_PEAK_S = 5.0


def soak(stand: Stand) -> Iterator[Figure]:
    """URLs in Zipf proportion at half of the peak rate: p99 to p50, errors, memory at the end to half-way."""
    cores = share_cores()
    catalogue = stand.catalogue(stand.options.products)
    requests = zipf_requests(catalogue, urls=stand.options.soak_urls)
    name = f"half of peak, {stand.options.soak_urls:,} URLs"
    redis = {"FARMLOKAL_REDIS_URL": stand.redis.url()}
    with (
        running_service(catalogue.url, redis, cores=cores.service) as running,
        # Else the scheduler puts them on the service's core now and then, for milliseconds.
        stand.servers_kept_to(cores.others),
    ):
        run_wrk(running.port, sorted(set(requests)), seconds=_PEAK_S, cores=cores.load)
        peak = run_wrk(running.port, requests, seconds=_PEAK_S, cores=cores.load).rate
        page = ask(running.port, PAGE)
        with _scheduled(_SHARE_OF_PEAK * peak, cores) as schedule:
            sections, memory = _soak(stand, schedule, running, requests)
    with _scheduled(_SHARE_OF_PEAK * peak, cores) as schedule:
        beside = _of_nginx(stand, schedule, page, cores)
    count, elapsed_s = sum(one.times.count for one in sections), sum(one.elapsed_s for one in sections)
    extra = {
        "per_s": round(count / elapsed_s),
        "peak_per_s": round(peak),
        "minutes": round(elapsed_s / 60, 1),
        "errors": sum(one.errors for one in sections),
        "median_ms": round(median(one.times.quantile_ms(0.5) for one in sections), 3),
        "p99_ms": round(median(one.times.quantile_ms(0.99) for one in sections), 3),
        "p999_ms": round(median(one.times.quantile_ms(0.999) for one in sections), 3),
        "max_ms": round(max(one.times.max_s for one in sections) * 1000, 1),
        "generator_late_p99_ms": round(median(one.late.quantile_ms(0.99) for one in sections), 3),
        "cores": str(cores),
    }
    section = "the median of the same section"
    yield ratio(f"{name}: p99", _tails(sections), section, goal="<= 4", extra=extra)
    yield ratio("nginx with one page, the same schedule: tail", _tails(beside), section)
    nginx_tail = median(p99_ms / median_ms for p99_ms, median_ms in _tails(beside))
    tails = [(p99_ms / median_ms, nginx_tail) for p99_ms, median_ms in _tails(sections)]
    yield ratio(f"{name}: tail beside nginx's", tails, "nginx's own by the same schedule", goal="<= 1.5")
    kept = [(one.times.count / one.elapsed_s, _SHARE_OF_PEAK * peak) for one in sections]
    yield ratio(f"{name}: rate", kept, "the schedule's", goal=">= 0.98")
    # Before the middle a service allocates what it needs: connections, the first loads again of what went stale.
    middle, end = memory[_SECTIONS // 2 - 1], memory[-1]
    mib = {name: round(used / 2**20, 1) for name, used in (("mib_at_half", middle), ("mib", end))}
    yield ratio(f"{name}: memory at the end", [(end, middle)], "half-way", goal="<= 1.02", extra=mib)
    errors = [one.errors for one in sections]
    yield Figure(
        f"{name}: errors in all", sum(errors), min(errors), max(errors), "no error", goal="<= 0", unit="requests"
    )


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What is asked for: so many requests a second, from each of the cores of load an equal part."""

    generators: ProcessPoolExecutor
    rate: float
    load: tuple[int, ...]

    def section(self, port: int, targets: list[str], seconds: float, number: int) -> SteadyRun:
        """Some seconds of it. number: of the section; the draws of each are others."""
        parts: list[Future[SteadyRun]] = [
            self.generators.submit(
                run_steady,
                port,
                targets,
                rate=self.rate / len(self.load),
                seconds=seconds,
                connections=CONNECTIONS,
                core=core,
                seed=_SECTIONS * place + number,
            )
            for place, core in enumerate(self.load)
        ]
        return _together([part.result() for part in parts])


@contextmanager
def _scheduled(rate: float, cores: Cores) -> Iterator[_Schedule]:
    # Without pauses of the generators' own.
    context = get_context("spawn")
    with ProcessPoolExecutor(len(cores.load), mp_context=context, initializer=gc.disable) as generators:
        yield _Schedule(generators, rate, cores.load)


def _soak(
    stand: Stand, schedule: _Schedule, running: Running, requests: list[str]
) -> tuple[list[SteadyRun], list[int]]:
    """The run, in sections one after another; and the service's memory after each."""
    sections, memory = [], []
    for number in range(_SECTIONS):
        sections.append(schedule.section(running.port, requests, stand.options.soak_s / _SECTIONS, number))
        memory.append(_resident_bytes(running.pid))
    return sections, memory


def _of_nginx(stand: Stand, schedule: _Schedule, page: Answer, cores: Cores) -> list[SteadyRun]:
    """The same schedule for nginx with one page of the catalogue: what of a time is the machine's."""
    seconds = stand.options.soak_s / _SECTIONS
    with nginx_with(page, cores=cores.service) as port:
        return [schedule.section(port, [TARGET], seconds, number) for number in range(_NGINX_SECTIONS)]


def _tails(sections: list[SteadyRun]) -> list[tuple[float, float]]:
    """The p99 and the median of each section."""
    return [(one.times.quantile_ms(0.99), one.times.quantile_ms(0.5)) for one in sections]


def _together(parts: list[SteadyRun]) -> SteadyRun:
    whole = parts[0]
    for part in parts[1:]:
        whole.times.merge(part.times)
        whole.late.merge(part.late)
        whole.errors += part.errors
        whole.elapsed_s = max(whole.elapsed_s, part.elapsed_s)
    return whole


def _resident_bytes(pid: int) -> int:
    """How much memory a process has in use. See proc(5), statm."""
    return int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
