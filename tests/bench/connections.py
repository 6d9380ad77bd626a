"""What more connections bring, and what they cost."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from tests.bench.answers import expect
from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.references import TARGET, nginx_with, plain_handler_with
from tests.bench.samples import Sample
from tests.bench.service_process import running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Stand
from tests.bench.turns import in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk

_OURS = "memory hit"
_COUNTS = (1, 4, 16, CONNECTIONS, 128, 512)


def connections(stand: Stand) -> Iterator[Figure]:
    """Requests a second for one page from memory by number of connections, to those at 32; nginx, aiohttp beside."""
    cores = share_cores()
    url = stand.catalogue(stand.options.products).url
    with ExitStack() as servers:
        start = servers.enter_context
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}
        port = start(running_service(url, settings, cores=cores.service)).port
        wait_until_settled(port, stand.options.products)
        page = expect(port, PAGE)
        asked = {
            _OURS: (port, PAGE),
            "nginx": (start(nginx_with(page, cores=cores.service)), TARGET),
            "plain aiohttp handler": (start(plain_handler_with(page, cores=cores.service)), TARGET),
        }

        def take(port: int, target: str, count: int) -> Sample:
            return run_wrk(port, [target], seconds=stand.options.seconds, cores=cores.load, connections=count)

        for name, (port, target) in asked.items():
            taken = in_turns(
                stand.options.rounds, {str(count): partial(take, port, target, count) for count in _COUNTS}
            )
            for count in _COUNTS:
                yield ratio(
                    f"{name}, {count} connection{'s' if count > 1 else ''}",
                    rates(taken, str(count), str(CONNECTIONS)),
                    f"the same with {CONNECTIONS} connections",
                    extra={**told(taken, str(count)), "of": name, "connections": count},
                )
            most = str(_COUNTS[-1])
            times = [(samples[most].p99_ms, samples[most].median_ms) for samples in taken]
            goal = "<= 6" if name == _OURS else None
            yield ratio(f"{name}, {most} connections: p99", times, "its median", goal=goal, better="smaller")
