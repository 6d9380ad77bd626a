"""Answers from Redis: each page comes over the wire, for the process's memory is too small to hold it."""

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
from tests.bench.stand import Catalogue, Stand
from tests.bench.turns import in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk

# Every one of them a whole page of twenty. The smallest memory tier that can be had holds two hundred of these pages.
_FAMILY = "by rating"
_URLS = 4_000
SMALL_MEMORY = {"FARMLOKAL_L1_BYTES": str(2**20)}
_SHARE_MIN = 0.9
_LOOKED_AT = 200
_FILLERS = 8


def redis_hits(stand: Stand) -> Iterator[Figure]:
    """Requests a second for pages that Redis has and memory has not, 32 connections, one worker."""
    cores, targets = share_cores(), distinct_pages(stand.catalogue(stand.options.products))
    with ExitStack() as servers:
        start = servers.enter_context
        settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING, **SMALL_MEMORY}
        url = stand.catalogue(stand.options.products).url
        port = start(running_service(url, settings, cores=cores.service)).port
        plain = start(plain_handler_with(ask(port, targets[0]), cores=cores.service))
        fill(port, targets)
        taken = in_turns(
            stand.options.rounds,
            {
                "redis hit": lambda: run_wrk(port, targets, seconds=stand.options.seconds, cores=cores.load),
                "plain": lambda: run_wrk(plain, targets, seconds=stand.options.seconds, cores=cores.load),
            },
        )
        share = checked_share(port, targets)
    where = {"cores": str(cores), "connections": CONNECTIONS, "from_redis": round(share, 3)}
    against = {"reference_per_s": told(taken, "plain")["per_s"]}
    extra = told(taken, "redis hit") | against | where
    yield ratio("redis hit / plain", rates(taken, "redis hit", "plain"), PLAIN, goal=">= 0.6", extra=extra)


def distinct_pages(catalogue: Catalogue) -> list[str]:
    """So many pages that memory does not hold them."""
    return targets_of(catalogue, FAMILIES[_FAMILY])[:_URLS]


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
