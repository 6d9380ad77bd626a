"""Answers from memory through a real nginx, as most services stand behind one."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.bench.answers import expect
from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.processor_time import TimedTake
from tests.bench.references import TARGET, nginx_running
from tests.bench.service_process import running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Stand
from tests.bench.turns import in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk
from tests.servers import NginxServer

# Connections to what is behind it stay open, and every request gets what a proxy says of it.
_PROXY_HTTP = "upstream behind {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 1000000000; }}"
_PROXY = """
keepalive_requests 1000000000;
location / {
  proxy_pass http://behind;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Request-ID $request_id;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
}
"""
_OURS, _NGINX = "memory hit through nginx", "nginx through nginx"


def in_front(stand: Stand) -> Iterator[Figure]:
    """One page from memory through an nginx with keep-alive, 32 connections, one worker each: rate, processor time."""
    cores = share_cores()
    with ExitStack() as servers:
        start = servers.enter_context
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}
        service = start(running_service(stand.catalogue(stand.options.products).url, settings, cores=cores.service))
        wait_until_settled(service.port, stand.options.products)
        page = expect(service.port, PAGE)
        behind = {_OURS: (service, PAGE), _NGINX: (start(nginx_running(page, cores=cores.service)), TARGET)}
        takes = {
            name: _take(stand, start(_proxy_of(one.port, cores.others or cores.load)), one.pid, target, cores.load)
            for name, (one, target) in behind.items()
        }
        ended = in_turns(1 + stand.options.rounds, takes)[1:]
    # Of the first, which warms up, nothing counts.
    spent = {name: take.per_request_us[1:] for name, take in takes.items()}
    extra = {
        **told(ended, _OURS),
        "reference_per_s": told(ended, _NGINX)["per_s"],
        "connections": CONNECTIONS,
        "cores": str(cores),
    }
    yield ratio(f"{_OURS} / {_NGINX}", rates(ended, _OURS, _NGINX), _NGINX, goal=">= 0.85", extra=extra)
    pairs = list(zip(spent[_NGINX], spent[_OURS], strict=True))
    nginx_us, us = (round(median(each), 1) for each in zip(*pairs, strict=True))
    yield ratio(
        "requests a second of processor time, proxy and server",
        pairs,
        _NGINX,
        goal=">= 0.85",
        extra={"us": us, "reference_us": nginx_us},
    )


def _proxy_of(port: int, cores: Sequence[int]) -> NginxServer:
    return NginxServer(_PROXY, http=_PROXY_HTTP.format(port=port), cores=cores[:1])


def _take(stand: Stand, proxy: NginxServer, pid: int, target: str, load: tuple[int, ...]) -> TimedTake:
    ask = partial(run_wrk, proxy.port, [target], seconds=stand.options.seconds, cores=load)
    return TimedTake((proxy.pid, pid), ask)
