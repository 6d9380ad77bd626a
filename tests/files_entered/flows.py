"""The flows that docs/architecture.md draws, each asked once of a running service whose every part is on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

from farmlokal.caching import unheard
from farmlokal.catalog.writing.directory_counts import count_directory
from farmlokal.web import keys
from tests.files_entered.follower import Follower, finish_since, following_possible
from tests.support.cache import epoch_of, is_listening
from tests.support.kept_connection import KeptConnection, kept_connection
from tests.support.products import PRODUCTS, product
from tests.support.service import Service, fill, open_database, serving, settings_for
from tests.support.waiting import until
from tests.support.webhook_sender import PATH as WEBHOOK
from tests.support.webhook_sender import SECRET, body_of, headers_for, new_id
from tests.support.webhook_sender import product as wire_product

# The background task of the service that an invalidation passes through: the notices of other processes.
_NOTICES = "cache notices"
_FIRST = "/products?limit=5"
_HIT = "/products?category=fruits&limit=5"
_SHARED = "/products?category=grains&limit=5"
_MISSED = "/products?category=pulses&organic=true&sort=price&limit=5"
_INVALIDATED = ("category/spices",)
# The first hit makes its answer ready, and so does the first one of each second: of so many, one does neither.
_HITS = 4
# What falls due in the middle of one may enter a file more: of so many, one is not disturbed.
_INVALIDATIONS = 3
_NEVER_S = 3600
# A client that has used some of its burst, and has so much left that it is told the same each time: 4,000 requests may
# come at once, `r` is told as 1,000 at most, and what these requests use comes back within eleven seconds.
_RATE_LIMIT, _USED = "default=100000/hour", 300


class Stand(NamedTuple):
    """Two processes' worth of service over one catalogue and one Redis, and a kept connection to the first."""

    follower: Follower
    service: Service
    other: Service
    connection: KeptConnection
    other_connection: KeptConnection


async def memory_hit(stand: Stand) -> list[str]:
    """A page that this process's memory holds, asked again on a kept connection."""
    await _page(stand.connection, _HIT)
    hits = []
    for _ in range(_HITS):
        with stand.follower.following() as files:
            outcome = await _page(stand.connection, _HIT)
        assert outcome.startswith("farmlokal; hit"), outcome
        assert outcome.endswith("detail=memory"), outcome
        hits.append(files)
    return min(map(list, hits), key=len)


async def redis_hit(stand: Stand) -> list[str]:
    """A page that another process loaded, asked of this one for the first time."""
    await _page(stand.other_connection, _SHARED)
    await stand.other.app[keys.CACHE].settle()
    before = asyncio.all_tasks()
    with stand.follower.following() as files:
        outcome = await _page(stand.connection, _SHARED)
        await finish_since(before)
    assert outcome.startswith("farmlokal; hit"), outcome
    assert outcome.endswith("detail=redis"), outcome
    return list(files)


async def first_miss(stand: Stand) -> list[str]:
    """A page that nobody holds: from the head's first byte until Redis has what was loaded."""
    before = asyncio.all_tasks()
    with stand.follower.following() as files:
        outcome = await _page(stand.connection, _MISSED)
        await finish_since(before)
    assert "fwd=miss; stored" in outcome, outcome
    return list(files)


async def invalidation(stand: Stand) -> list[str]:
    """A tag raised by one process, until the other knows."""
    cache, heard = stand.service.app[keys.CACHE], stand.other.app[keys.CACHE]
    notices = []
    for _ in range(_INVALIDATIONS):
        before, epoch = asyncio.all_tasks(), epoch_of(heard)
        with stand.follower.following(_NOTICES) as files:
            await cache.invalidate(_INVALIDATED)
            await until(lambda: epoch_of(heard) > epoch)  # noqa: B023
            await finish_since(before)
        notices.append(files)
    return min(map(list, notices), key=len)


async def webhook(stand: Stand) -> list[str]:
    """A partner's event that brings a new product, until the other processes are told."""
    body = body_of("product.upserted", wire_product())
    signed = headers_for(new_id(), body) | {"Content-Length": str(len(body)), "Content-Type": "application/json"}
    before = asyncio.all_tasks()
    with stand.follower.following() as files:
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        answer = await stand.connection.ask(WEBHOOK, method="POST", headers=lines, body=body)
        await finish_since(before)
    assert 200 == answer.status, answer.body
    return list(files)


FLOWS: dict[str, Callable[[Stand], Awaitable[list[str]]]] = {
    "memory hit": memory_hit,
    "Redis hit": redis_hit,
    "first miss": first_miss,
    "invalidation": invalidation,
    "webhook": webhook,
}


async def files_entered(database_url: str, redis_url: str) -> dict[str, list[str]]:
    """The files that each flow enters, in order, as paths relative to the package. Database and Redis are empty."""
    await fill(database_url, [product(number) for number in range(1, PRODUCTS + 1)])
    async with open_database(database_url) as database:
        # Else a process counts it beside the flows, with SQLite in a thread that says not for whom.
        await count_directory(database)
    async with _standing(database_url, redis_url) as stand:
        return {name: await flow(stand) for name, flow in FLOWS.items()}


@asynccontextmanager
async def _standing(database_url: str, redis_url: str) -> AsyncIterator[Stand]:
    settings = settings_for(
        database_url,
        redis_url=redis_url,
        # A busy machine may be slow to answer without being away.
        redis_wait_ms=5000,
        webhook_secrets=SECRET,
        rate_limit=_RATE_LIMIT,
    )
    # What SQLite reads in a thread says not for whom: the look at what other processes cannot send is left out so.
    with patch.object(unheard, "LOOK_EVERY_S", _NEVER_S), following_possible() as follower:
        async with serving(settings) as service, serving(settings) as other:
            for each in (service, other):
                await until(partial(_listens, each))
            follower.take_as_background()
            async with kept_connection(service.port) as connection, kept_connection(other.port) as other_connection:
                # Statements and heads that are made once are made; the first request of a process is another story.
                for each_connection in (connection, other_connection):
                    await _page(each_connection, _FIRST)
                await asyncio.gather(*(_use(service) for _ in range(_USED)))
                for each in (service, other):
                    await each.app[keys.CACHE].settle()
                yield Stand(follower, service, other, connection, other_connection)


async def _use(service: Service) -> None:
    """Use a little of the quota of this machine's address."""
    async with service.client.get(_FIRST) as response:
        assert 200 == response.status


def _listens(service: Service) -> bool:
    """Whether the notices of other processes arrive at it."""
    return is_listening(service.app[keys.CACHE])


async def _page(connection: KeptConnection, target: str) -> str:
    """Ask for a page; where its answer came from, as Cache-Status tells."""
    answer = await connection.ask(target)
    assert 200 == answer.status, answer.body
    return answer.headers["Cache-Status"]
