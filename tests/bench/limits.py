"""What the rate limit costs: its decisions by themselves, and a request to the service with it and without."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat

from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.http_load import run_requests
from tests.bench.limit_times import limit_times_ns
from tests.bench.processor_time import processor_s
from tests.bench.samples import Sample
from tests.bench.service_process import Running, running_service
from tests.bench.stand import Stand
from tests.bench.wrk import CONNECTIONS

# Answered by the hot path, and above it.
_PAGE, _CATEGORIES = "/products?category=vegetables", "/categories"
# With "on" every request is counted, told to Redis, and none refused.
_LIMITS = {"off": "off", "on": "default=1000000000/minute", "used up": "default=1/hour"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of which service, and the status of its answers."""

    service: Running
    target: str
    status: int = 200

    def processor_us(self, stand: Stand) -> float:
        """The processor time that the service takes for one request, in one sample."""
        before_s = processor_s(self.service.pid)
        sample = stand.run(_load, self.service.port, self.target, self.status, stand.options.seconds)
        if sample.errors:
            raise ValueError(f"{sample.errors} answers were not {self.status}")
        return (processor_s(self.service.pid) - before_s) / sample.requests * 1e6


def limits(stand: Stand) -> Iterator[Figure]:
    """A decision beside an awaited look into a dictionary; processor time of a request with the limit and without."""
    yield from _decisions(stand)
    yield from _requests(stand)


def _decisions(stand: Stand) -> Iterator[Figure]:
    rounds = [stand.run(limit_times_ns) for _ in range(stand.options.rounds)]
    for name in [name for name in rounds[0] if name != "reference"]:
        yield ratio(
            f"decision: {name}",
            [(times[name], times["reference"]) for times in rounds],
            "an awaited coroutine that returns d[k]",
            extra={"ns": round(min(times[name] for times in rounds))},
            better="smaller",
        )


def _requests(stand: Stand) -> Iterator[Figure]:
    cores = share_cores()
    url = stand.catalogue(stand.options.products).url
    shared = {"FARMLOKAL_REDIS_URL": stand.redis.url(), "FARMLOKAL_CACHE_TTL_S": "3600"}
    with ExitStack() as services:
        running = {
            name: services.enter_context(
                running_service(url, shared | {"FARMLOKAL_RATE_LIMIT": limit}, cores=cores.service)
            )
            for name, limit in _LIMITS.items()
        }
        asked = {
            "memory hit": _Asked(running["off"], _PAGE),
            "memory hit, limited": _Asked(running["on"], _PAGE),
            "full path": _Asked(running["off"], _CATEGORIES),
            "full path, limited": _Asked(running["on"], _CATEGORIES),
            "refused": _Asked(running["used up"], _CATEGORIES, 429),
        }
        # The first round warms the services up.
        rounds = [_round(stand, asked, number) for number in range(stand.options.rounds + 1)][1:]
    for name, reference, goal in (
        ("memory hit, limited", "memory hit", "<= 1.1"),
        ("full path, limited", "full path", "<= 1.1"),
        ("refused", "full path", "<= 1.1"),
    ):
        yield ratio(
            f"{name}: processor time",
            [(times_us[name], times_us[reference]) for times_us in rounds],
            f"{reference}, rate limit off",
            goal=goal,
            extra={"us": round(min(times_us[name] for times_us in rounds), 1), "connections": CONNECTIONS},
        )


def _round(stand: Stand, asked: dict[str, _Asked], number: int) -> dict[str, float]:
    """Processor time per request of each, in an order that changes: whatever else the machine does meets all alike."""
    names = list(asked)
    start = number % len(names)
    return {name: asked[name].processor_us(stand) for name in names[start:] + names[:start]}


def _load(port: int, target: str, expected: int, seconds: float) -> Sample:
    request = f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    return run_requests(port, repeat(request), connections=CONNECTIONS, seconds=seconds, expected=expected)
