"""The two sides of a comparison: what is measured of each, in numbers of which the bigger is the better."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench.answers import ask
from tests.bench.cold import CONNECTIONS as COLD_CONNECTIONS
from tests.bench.cores import Cores
from tests.bench.families import FAMILIES, targets_of
from tests.bench.hot import LASTING, PAGE
from tests.bench.http_load import run_load
from tests.bench.redis_hits import distinct_pages, fill
from tests.bench.samples import Sample
from tests.bench.service_process import COLD, Code, running_service
from tests.bench.stand import Stand
from tests.bench.wrk import run_wrk

_COLD_EACH = 200
# The smallest memory tier that every commit can be given holds two hundred of so many pages.
_PAGES = 4_000
_SMALL_MEMORY = {"FARMLOKAL_L1_BYTES": str(2**20)}


@dataclass(frozen=True, slots=True)
class Side:
    """One commit's running services, and what can be measured of them by name. A unit stands with each name."""

    measures: dict[str, Callable[[], float]]


def start_side(stand: Stand, servers: ExitStack, code: Code, number: int, cores: Cores) -> Side:
    """Start a commit's services over a catalogue that it filled itself, the same products on both sides.

    number: of the logical Redis database, one for each side: neither finds what the other has cached.
    """
    catalogue = stand.catalogue(stand.options.products, code)
    redis = {"FARMLOKAL_REDIS_URL": stand.redis.url(number)}

    def start(variables: dict[str, str]) -> int:
        running = running_service(catalogue.url, variables, cores=cores.service, code=code)
        return servers.enter_context(running).port

    warm, small, cold = start(redis | LASTING), start(redis | LASTING | _SMALL_MEMORY), start(COLD)
    pages = distinct_pages(catalogue, _PAGES)
    questions = [one for draw in FAMILIES.values() for one in targets_of(catalogue, draw)[:_COLD_EACH]]
    fill(small, pages)
    ask(warm, PAGE)

    def from_wrk(port: int, targets: list[str]) -> float:
        sample = run_wrk(port, targets, seconds=stand.options.seconds, cores=cores.load)
        return _without_errors(sample).rate

    def from_database() -> float:
        sample = stand.run(
            run_load,
            cold,
            questions,
            connections=COLD_CONNECTIONS,
            seconds=stand.options.seconds,
            misses_only=True,
        )
        return 1000 * COLD_CONNECTIONS / _without_errors(sample).median_ms

    return Side(
        {
            "memory hit: requests a second": lambda: from_wrk(warm, [PAGE]),
            "redis hit: requests a second": lambda: from_wrk(small, pages),
            "cold listing: requests a second at the median": from_database,
        }
    )


def _without_errors(sample: Sample) -> Sample:
    if sample.errors:
        raise ValueError(f"{sample.errors} answers were no success")
    return sample
