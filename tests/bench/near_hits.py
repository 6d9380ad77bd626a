"""`python -m tests.bench.near_hits`: what share of a neighbourhood's requests the cache answers, by decimals of `near`.

2,000 households in a disc of 8 km shop for ten minutes, each near its home. Their questions have the service's own
canonical form, and the cache is the one that ships, on a clock that only the requests move. The table stands in
docs/cache.md.
"""

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from math import cos, pi, radians, sin, sqrt
from multiprocessing import get_context
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import urlencode

from farmlokal.caching.lookup import Lifetime, Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.seed.vocabulary import categories
from farmlokal.catalog.tags import page_tags
from farmlokal.web.parameters.listing import parse_listing_query
from loadtest.households import Filters, Home, Market

HOUSEHOLDS = 2_000
_CENTRE = Home(18.5204, 73.8567)  # Pune
_RADIUS_KM = 8.0
_KM_PER_DEGREE = 111.2

_SHOPPING_S = 600.0
# Between two pages a household reads the one that it has: ten seconds on average.
_THINK_S = (2.0, 18.0)
# As in the load test: half the readers of a page go on to the next, one in five comes back to it from a product.
_NEXT_PAGE_SHARE = 0.5
_RETURN_SHARE = 0.2
_PAGES_MAX = 8

# Twenty products of some 300 bytes; and the service's defaults.
_BODY_BYTES = 6_000
_TTL_S, _STALE_S = 30.0, 300.0
_L1_BYTES = 64 * 2**20
_ROOMY_BYTES = 2**40
ROOMS = {"64 MiB (the default)": _L1_BYTES, "for all, as with Redis": _ROOMY_BYTES}
DECIMALS = (2, 3)

_SIGNER = CursorSigner([b"a key that only the benchmark knows"])


class Request(NamedTuple):
    """One page that a household asks for. at_s: since the shopping began. page: 1 is the first."""

    at_s: float
    home: Home
    filters: Filters
    page: int


@dataclass(frozen=True, slots=True)
class Row:
    """What came of all requests, as shares of their number. pages: how many different ones there were.

    first: of the requests for a first page, the share that the cache answered. fresh, stale: answered by the cache, of
    all. loads: of the origin, with the refreshes behind stale answers.
    """

    decimals: int
    room: str
    requests: int
    pages: int
    first: float
    fresh: float
    stale: float
    loads: float

    @property
    def answered(self) -> float:
        """The share that did not wait for the origin."""
        return self.fresh + self.stale


@cache
def shopping(households: int = HOUSEHOLDS) -> Sequence[Request]:
    """The requests of all households in the order of time, the same on every run."""
    draw = random.Random(1)
    market = Market()
    market.learn_categories([{"category": one.name, "products": one.share_permille} for one in categories()])
    requests = [request for _ in range(households) for request in _session(market, draw)]
    return sorted(requests, key=itemgetter(0))


def _session(market: Market, draw: random.Random) -> Iterator[Request]:
    home = _home(draw)
    at_s = draw.uniform(0, _THINK_S[1])
    while at_s < _SHOPPING_S:
        filters = market.filters(draw, home)
        if "near" not in filters:
            continue
        for page in range(1, _PAGES_MAX + 1):
            yield Request(at_s, home, filters, page)
            at_s += draw.uniform(*_THINK_S)
            if draw.random() < _RETURN_SHARE:
                yield Request(at_s, home, filters, page)
                at_s += draw.uniform(*_THINK_S)
            if draw.random() >= _NEXT_PAGE_SHARE:
                break


def _home(draw: random.Random) -> Home:
    """A place in the disc, everywhere as likely."""
    away_km, bearing = _RADIUS_KM * sqrt(draw.random()), draw.uniform(0, 2 * pi)
    degrees = away_km / _KM_PER_DEGREE
    return Home(_CENTRE.lat + degrees * cos(bearing), _CENTRE.lon + degrees * sin(bearing) / cos(radians(_CENTRE.lat)))


def measure(requests: Sequence[Request], decimals: int, room: str) -> Row:
    """Ask the cache for all of `requests`, with so many decimals in `near`; room: one of ROOMS."""
    return asyncio.run(_measure(requests, decimals, room))


async def _measure(requests: Sequence[Request], decimals: int, room: str) -> Row:
    now_s, loads = 0.0, 0
    page = Value(bytes(_BODY_BYTES))

    async def load() -> Value:
        nonlocal loads
        loads += 1
        return page

    draw = random.Random(2).random
    tier = ReadThrough(
        MemoryTier(ROOMS[room]),
        None,
        lifetime=Lifetime(_TTL_S, _STALE_S, draw=draw),
        origin_loads=1,
        # On the requests' clock no time passes in which a refresh could wait for its turn.
        refresh_every_s=0,
        clock=lambda: now_s,
        draw=draw,
    )
    outcomes = dict.fromkeys(Outcome, 0)
    first_misses, keys = 0, set()
    for request in requests:
        now_s = request.at_s
        query = _query(request, decimals)
        question = tier.question(f"products?{query.canonical()}", load, page_tags(query))
        lookup = await tier.ask(question)
        outcomes[lookup.outcome] += 1
        keys.add(question.key)
        if lookup.outcome is not Outcome.MISS:
            # A refresh behind the answer takes no time either.
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
        elif request.page == 1:
            first_misses += 1
    await tier.close()
    count = len(requests)
    return Row(
        decimals,
        room,
        count,
        len(keys),
        1 - first_misses / sum(request.page == 1 for request in requests),
        outcomes[Outcome.MEMORY_HIT] / count,
        outcomes[Outcome.STALE] / count,
        loads / count,
    )


def _query(request: Request, decimals: int) -> ListingQuery:
    near = f"{request.home.lat:.{decimals}f},{request.home.lon:.{decimals}f}"
    query = _first_page(urlencode({**request.filters, "near": near}))
    # Where a page begins depends on its question and its number, and on nothing else.
    return query if request.page == 1 else replace(query, position=Position(request.page, request.page))


@cache
def _first_page(raw_query: str) -> ListingQuery:
    return parse_listing_query(raw_query, _SIGNER)


def _measure_all(case: tuple[int, str]) -> Row:
    return measure(shopping(), *case)


def rows() -> list[Row]:
    """Every number of decimals with every room, on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        return list(processes.map(_measure_all, [(decimals, room) for decimals in DECIMALS for room in ROOMS]))


def table(measured: Sequence[Row]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| decimals | room | requests | different pages | answered | fresh | stale | of first pages | loads each |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in measured:
        shares = f"{row.answered:.1%} | {row.fresh:.1%} | {row.stale:.1%} | {row.first:.1%} | {row.loads:.2f}"
        lines.append(f"| {row.decimals} | {row.room} | {row.requests:,} | {row.pages:,} | {shares} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(rows()))
