"""Half of what the service can do, for minutes: how even its times are, and whether its memory stays."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from tests.bench.cores import Cores, share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.service_process import Running, running_service
from tests.bench.stand import Stand
from tests.bench.steady_load import SteadyRun, run_steady
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.bench.zipf import zipf_requests

_SHARE_OF_PEAK = 0.5
_SECTIONS = 10
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
        sections, memory = _soak(stand, running, requests, peak, cores)
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
    times = [(one.times.quantile_ms(0.99), one.times.quantile_ms(0.5)) for one in sections]
    yield ratio(f"{name}: p99", times, "the median of the same section", goal="<= 4", extra=extra)
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


def _soak(
    stand: Stand, running: Running, requests: list[str], peak: float, cores: Cores
) -> tuple[list[SteadyRun], list[int]]:
    """The run, in sections one after another; and the service's memory after each."""
    seconds = stand.options.soak_s / _SECTIONS
    sections, memory = [], []
    # Without pauses of the generators' own.
    context = get_context("spawn")
    with ProcessPoolExecutor(len(cores.load), mp_context=context, initializer=gc.disable) as generators:
        for number in range(_SECTIONS):
            parts: list[Future[SteadyRun]] = [
                generators.submit(
                    run_steady,
                    running.port,
                    requests,
                    rate=_SHARE_OF_PEAK * peak / len(cores.load),
                    seconds=seconds,
                    connections=CONNECTIONS,
                    core=core,
                    seed=_SECTIONS * place + number,
                )
                for place, core in enumerate(cores.load)
            ]
            sections.append(_together([part.result() for part in parts]))
            memory.append(_resident_bytes(running.pid))
    return sections, memory


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
