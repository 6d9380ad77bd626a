"""Answers from memory through a real nginx, as most services stand behind one."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from tests.bench.answers import expect
from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.processor_time import processor_s
from tests.bench.references import TARGET, nginx_with
from tests.bench.samples import Sample
from tests.bench.service_process import running_service
from tests.bench.stand import Stand
from tests.bench.turns import Take, in_turns, rates, told
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
    """Requests a second for one page from memory through an nginx with keep-alive, 32 connections, one worker each."""
    cores = share_cores()
    with ExitStack() as servers:
        start = servers.enter_context
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}
        service = start(running_service(stand.catalogue(stand.options.products).url, settings, cores=cores.service))
        page = expect(service.port, PAGE)
        behind = {_OURS: (service.port, PAGE), _NGINX: (start(nginx_with(page, cores=cores.service)), TARGET)}
        takes: dict[str, Take] = {
            name: partial(_take, stand, start(_proxy_of(port, cores.others or cores.load)).port, target, cores.load)
            for name, (port, target) in behind.items()
        }
        in_turns(1, takes)
        before_s, ended = processor_s(service.pid), in_turns(stand.options.rounds, takes)
        spent_s = processor_s(service.pid) - before_s
    requests = sum(samples[_OURS].requests for samples in ended)
    extra = {
        **told(ended, _OURS),
        "reference_per_s": told(ended, _NGINX)["per_s"],
        "service_us": round(spent_s * 1e6 / requests, 1),
        "connections": CONNECTIONS,
        "cores": str(cores),
    }
    yield ratio(f"{_OURS} / {_NGINX}", rates(ended, _OURS, _NGINX), _NGINX, goal=">= 0.85", extra=extra)


def _proxy_of(port: int, cores: Sequence[int]) -> NginxServer:
    return NginxServer(_PROXY, http=_PROXY_HTTP.format(port=port), cores=cores[:1])


def _take(stand: Stand, port: int, target: str, load: tuple[int, ...]) -> Sample:
    return run_wrk(port, [target], seconds=stand.options.seconds, cores=load)
