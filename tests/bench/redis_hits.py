"""Answers from Redis: each page comes over the wire, for the process's own memory is turned off."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus

from tests.bench.answers import FROM_REDIS, ask, share_from
from tests.bench.cores import share_cores
from tests.bench.families import FAMILIES, targets_of
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PLAIN
from tests.bench.references import plain_handler_with
from tests.bench.service_process import running_service
from tests.bench.settling import wait_until_settled
from tests.bench.stand import Catalogue, Stand
from tests.bench.turns import Take, in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk

# Every one of them a whole page of twenty.
_FAMILY = "by rating"
_URLS = 1_000
NO_MEMORY = {"FARMLOKAL_L1_BYTES": "0"}
_MANY, _ONE = f"{_URLS:,} pages in turn", "one page"
_SHARE_MIN = 0.9
_LOOKED_AT = 200
_FILLERS = 8


def redis_hits(stand: Stand) -> Iterator[Figure]:
    """Requests a second for pages that Redis has, memory off, 32 connections, one worker."""
    cores, targets = share_cores(), distinct_pages(stand.catalogue(stand.options.products))
    with ExitStack() as servers:
        start = servers.enter_context
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING, **NO_MEMORY}
        url = stand.catalogue(stand.options.products).url
        port = start(running_service(url, settings, cores=cores.service)).port
        wait_until_settled(port, stand.options.products)
        plain = start(plain_handler_with(ask(port, targets[0]), cores=cores.service))
        fill(port, targets)
        kinds = {_MANY: targets, _ONE: targets[:1]}
        takes: dict[str, Take] = {}
        for kind, asked in kinds.items():
            for name, at in (("redis hit", port), ("plain", plain)):
                takes[f"{name}, {kind}"] = partial(run_wrk, at, asked, seconds=stand.options.seconds, cores=cores.load)
        in_turns(1, takes)
        taken = in_turns(stand.options.rounds, takes)
        share = checked_share(port, targets)
    where = {"cores": str(cores), "connections": CONNECTIONS, "from_redis": round(share, 3)}
    for kind in kinds:
        hit, reference = f"redis hit, {kind}", f"plain, {kind}"
        extra = told(taken, hit) | {"reference_per_s": told(taken, reference)["per_s"]} | where
        goal = ">= 0.75" if kind == _MANY else ">= 0.6"
        yield ratio(f"{hit} / plain", rates(taken, hit, reference), PLAIN, goal=goal, extra=extra)


def distinct_pages(catalogue: Catalogue, count: int = _URLS) -> list[str]:
    """So many pages."""
    return targets_of(catalogue, FAMILIES[_FAMILY])[:count]


def fill(port: int, targets: list[str]) -> None:
    """Ask for every target once, so that Redis has it."""
    with ThreadPoolExecutor(_FILLERS) as fillers:
        statuses = {answer.status for answer in fillers.map(partial(ask, port), targets)}
    if statuses != {HTTPStatus.OK}:
        raise ValueError(f"not every page is to be had: {statuses}")


def checked_share(port: int, targets: list[str]) -> float:
    """The share of answers that come from Redis. Raises ValueError when it is too small to speak of Redis hits."""
    share = share_from(port, random.Random(2).sample(targets, min(_LOOKED_AT, len(targets))), FROM_REDIS)
    if share < _SHARE_MIN:
        raise ValueError(f"{share:.0%} of the answers come from Redis")
    return share
