"""Runs in the process for load: misses of one service at the writer, and of one whose loads are made at a replica."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, NamedTuple

import uvloop

from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import SORTS
from farmlokal.catalog.tags import page_tags
from farmlokal.web import keys
from tests.catalog.questions import where
from tests.support.service import Service, serving, settings_for

_MISSES = 200
_KNOWN_WAIT_MAX_S = 30


class CausalTimes(NamedTuple):
    """Milliseconds of a miss, the medians: at the writer, at a replica that is asked for each, and asked already."""

    writer: float
    asked: float
    asked_already: float


def causal_times(writer_url: str, reader_url: str, redis_url: str, rounds: int) -> list[CausalTimes]:
    """So many rounds of 200 misses of each kind, in turns. The replica has all that the writer has."""
    return uvloop.run(_rounds(writer_url, reader_url, redis_url, rounds))


async def _rounds(writer_url: str, reader_url: str, redis_url: str, rounds: int) -> list[CausalTimes]:
    shared = {"redis_url": redis_url, "cache_ttl_s": 3600}
    async with (
        serving(settings_for(writer_url, **shared)) as plain,
        serving(settings_for(writer_url, database_readers=reader_url, **shared)) as causal,
    ):
        database = _database(causal)
        async with asyncio.timeout(_KNOWN_WAIT_MAX_S):
            while not database.reads["reader"]:
                await _miss(causal)
        (reader,) = database.readers

        def forget() -> None:
            for connection in reader._pool._idle:
                connection.has_positions = ()

        times = []
        for _ in range(rounds + 1):  # the first warms up
            kinds: dict[str, list[float]] = {"writer": [], "asked": [], "asked_already": []}
            for _ in range(_MISSES):
                kinds["writer"].append(await _timed(lambda: _miss(plain)))
                forget()
                kinds["asked"].append(await _timed(lambda: _miss(causal)))
                kinds["asked_already"].append(await _timed(lambda: _miss(causal)))
            times.append(CausalTimes(**{kind: 1000 * median(taken) for kind, taken in kinds.items()}))
        behind = database.reads["writer-behind"] + database.reads["writer-away"]
        if behind:
            raise ValueError(f"{behind} of the loads were made at the writer")
        return times[1:]


def _database(service: Service) -> Any:
    return service.app[keys.LISTING]._store._database


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


_prices = iter(range(10_000, 10**9))


async def _miss(service: Service) -> None:
    """Ask for a page that nobody asked for before."""
    query = ListingQuery(where(max_price=next(_prices)), SORTS["-created_at"], 20, None)
    cache, listing = service.app[keys.CACHE], service.app[keys.LISTING]
    lookup = await cache.ask(cache.question(query.canonical(), lambda: listing.page(query), page_tags(query)))
    if lookup.outcome != "miss" or not lookup.fresh:
        raise ValueError(f"not a miss: {lookup.outcome}")
