"""Answers from the process's own memory, beside nginx with a file and a plain aiohttp handler."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from tests.bench.answers import Answer, expect
from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.references import TARGET, nginx_with, plain_handler_with
from tests.bench.samples import Sample
from tests.bench.service_process import running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Stand
from tests.bench.turns import Take, in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk

PAGE = "/products?category=vegetables"
# Nothing expires while it is measured.
LASTING = {"FARMLOKAL_CACHE_TTL_S": "3600"}
# Far above any rate that is measured: every request is counted, none refused.
_LIMIT = "default=1000000000/minute"
# More than a service would remember by all of their bytes.
_PROXIED = 20_000
NGINX = "nginx with one worker, a file of the same bytes"
PLAIN = "a plain aiohttp handler that returns the same bytes"
_IDENTITY = "the same, without a coding and unconditionally"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of which server. fields: of the request. proxied: as run_wrk takes it."""

    port: int
    target: str
    fields: Mapping[str, str]
    proxied: int = 0

    def take(self, stand: Stand, load: tuple[int, ...]) -> Sample:
        """One sample of it."""
        headers = [f"{name}: {value}" for name, value in self.fields.items()]
        return run_wrk(
            self.port,
            [self.target],
            seconds=stand.options.seconds,
            cores=load,
            headers=headers,
            proxied=self.proxied,
        )


def hot(stand: Stand) -> Iterator[Figure]:
    """Requests a second for one page from memory, 32 connections, one worker."""
    cores = share_cores()
    with ExitStack() as servers:
        asked, page = _servers(stand, servers, cores.service)
        takes: dict[str, Take] = {name: partial(one.take, stand, cores.load) for name, one in asked.items()}
        in_turns(1, takes)  # warms every server up
        taken = in_turns(stand.options.rounds, takes)
    where = {"cores": str(cores), "connections": CONNECTIONS, "body_bytes": len(page.body)}
    for name, reference, goal in (
        ("memory hit", "nginx", ">= 0.75"),
        ("memory hit", "plain", ">= 2.2"),
        ("memory hit, rate limit on", "nginx", ">= 0.65"),
        ("304 answer", "memory hit", ">= 1.0"),
        ("gzip'd answer", "memory hit", ">= 1.0"),
        ("memory hit, as proxies ask", "nginx, as proxies ask", ">= 0.72"),
        ("memory hit, hot path off", "plain", None),
    ):
        described = {"nginx": NGINX, "nginx, as proxies ask": NGINX, "plain": PLAIN}.get(reference, _IDENTITY)
        against = {"reference_per_s": told(taken, reference)["per_s"]}
        label = name if described is _IDENTITY else f"{name} / {reference.partition(',')[0]}"
        yield ratio(
            label, rates(taken, name, reference), described, goal=goal, extra=told(taken, name) | against | where
        )


def _servers(stand: Stand, servers: ExitStack, cores: tuple[int, ...]) -> tuple[dict[str, _Asked], Answer]:
    """Every server that takes part, started, each asked and checked once; and the page that all of them serve."""
    url = stand.catalogue(stand.options.products).url
    redis = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}
    start = servers.enter_context
    plainly = start(running_service(url, redis, cores=cores)).port
    limited = start(running_service(url, redis | {"FARMLOKAL_RATE_LIMIT": _LIMIT}, cores=cores)).port
    above = start(running_service(url, redis | {"FARMLOKAL_HOT_PATH": "off"}, cores=cores)).port
    page = expect(plainly, PAGE)
    for port in (limited, above):
        expect(port, PAGE)
    for port in (plainly, limited, above):
        wait_until_settled(port, stand.options.products)
    revalidating, compressed = {"If-None-Match": page.field("ETag")}, {"Accept-Encoding": "gzip"}
    expect(plainly, PAGE, revalidating, status=304)
    if expect(plainly, PAGE, compressed).field("Content-Encoding") != "gzip":
        raise ValueError("the service does not compress")
    nginx = start(nginx_with(page, cores=cores))
    asked = {
        "memory hit": _Asked(plainly, PAGE, {}),
        "memory hit, rate limit on": _Asked(limited, PAGE, {}),
        "304 answer": _Asked(plainly, PAGE, revalidating),
        "gzip'd answer": _Asked(plainly, PAGE, compressed),
        "memory hit, as proxies ask": _Asked(plainly, PAGE, {}, proxied=_PROXIED),
        "memory hit, hot path off": _Asked(above, PAGE, {}),
        "nginx": _Asked(nginx, TARGET, {}),
        "nginx, as proxies ask": _Asked(nginx, TARGET, {}, proxied=_PROXIED),
        "plain": _Asked(start(plain_handler_with(page, cores=cores)), TARGET, {}),
    }
    return asked, page
