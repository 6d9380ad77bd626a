"""The application's resources, each checked and closed in a context of its own. Shutdown is the reverse order."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiohttp import web
from redis.asyncio import Redis

from farmlokal import __version__
from farmlokal.app.dependencies import wait_for_database
from farmlokal.app.found import Found
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.catalog.changes.forgetting import Forgetting
from farmlokal.catalog.changes.sequencer import Sequencer
from farmlokal.catalog.planning.planner import Planner
from farmlokal.catalog.reading.category_counts import CategoryCounts
from farmlokal.catalog.reading.directory_counts import DirectoryCounts
from farmlokal.catalog.reading.name_counts import NameCounts
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.writing.mending import Mending
from farmlokal.database.galera_waits import warn_of_long_waits
from farmlokal.database.identity import read_identity
from farmlokal.database.interface import Database
from farmlokal.limiting.shared import SharedLimit
from farmlokal.partner.connection import PartnerConnection
from farmlokal.resilience.ending import end
from farmlokal.telemetry import get_logger, tracing
from farmlokal.web.edge.lifecycle import Health, Phase
from farmlokal.webhooks.registration import Registrar
from farmlokal.webhooks.retention import Retention

_log = get_logger(__name__)

Context = Callable[[web.Application], AsyncIterator[None]]


def tracing_context() -> Context:
    """Trace, where the environment names a collector; send the last spans at the end.

    Here and not at the process's start: gunicorn forks its workers, and a thread does not survive that.
    """

    async def context(_: web.Application) -> AsyncIterator[None]:
        tracing.start_tracing(os.environ, __version__)
        yield
        await tracing.stop_tracing()

    return context


def database_context(database: Database, found: Found, *, statement_limit_s: float) -> Context:
    """Wait for the database, check its schema and its waits; close it at the end. found: gets the schema's version."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        try:
            found.schema_version = (await wait_for_database(database)).version
            await warn_of_long_waits(database, statement_limit_s=statement_limit_s)
            yield
        finally:
            await database.close()

    return context


def identity_context(database: Database, *belonging: Callable[[str], None]) -> Context:
    """Say the catalogue's identity to whatever uses Redis. belonging: each is called with it."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        identity = await read_identity(database)
        for belong_to in belonging:
            belong_to(identity)
        yield

    return context


def redis_context(redis: Redis | None, tier: RedisTier | None) -> Context:
    """Close the client at the end.

    The application starts while Redis is away, too, but not where its URL is for another kind of server.
    """

    async def context(_: web.Application) -> AsyncIterator[None]:
        if redis is None or tier is None:
            yield
            return
        try:
            await tier.expect_server()
            yield
        finally:
            await tier.close()
            await redis.aclose()

    return context


def cache_context(cache: ReadThrough) -> Context:
    """Listen to other processes' invalidations; let the loads and writes under way finish at the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        warmed = await cache.start()
        if warmed:
            _log.info("cache warmed", entries=warmed)
        yield
        await cache.close()

    return context


def category_counts_context(counts: CategoryCounts) -> Context:
    """Count the categories in the background until the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with background(counts.keep(), "category counts"):
            yield

    return context


def rate_limit_context(shared: SharedLimit, redis: Redis) -> Context:
    """Reconcile the rate limit with other processes in the background until the end; then close its client."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        try:
            async with background(shared.keep(), "rate limit"):
                yield
        finally:
            await redis.aclose()

    return context


def partner_context(partner: PartnerConnection) -> Context:
    """Close the connections to the partner at the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        yield
        await partner.close()

    return context


def planner_context(planner: Planner, found: Found) -> Context:
    """Sample the catalogue for planning, then keep the sample true in the background until the end.

    found: gets the number of products.
    """

    async def context(_: web.Application) -> AsyncIterator[None]:
        await planner.start()
        found.sampled(planner.sample)
        async with background(planner.keep(), "catalogue sample"):
            yield

    return context


def name_counts_context(counts: NameCounts) -> Context:
    """Count the products of names in the background until the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with background(counts.keep(), "name counts"):
            yield

    return context


def directory_counts_context(counts: DirectoryCounts) -> Context:
    """Count the products of places and farms in the background until the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with background(counts.keep(), "directory counts"):
            yield

    return context


def search_names_context(names: SearchNames) -> Context:
    """Read the names for search, then keep them true in the background until the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        await names.start()
        async with background(names.keep(), "search names"), background(names.keep_counts(), "search places"):
            yield

    return context


def mending_context(mending: Mending) -> Context:
    """Mend in the background what the release before writes, for as long as it may be at work."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        if not await mending.needed():
            yield
            return
        async with background(mending.keep(), "mending"):
            yield

    return context


def retention_context(retention: Retention) -> Context:
    """Delete old events in the background until the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with background(retention.keep(), "inbox retention"):
            yield

    return context


def change_log_context(sequencer: Sequencer, forgetting: Forgetting) -> Context:
    """Number changes, and forget old ones, in the background until the end."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with background(sequencer.keep(), "change numbers"), background(forgetting.keep(), "change retention"):
            yield

    return context


def registrar_context(registrar: Registrar | None) -> Context:
    """Register the webhook's callback in the background, where there is one to register."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        if registrar is None:
            yield
            return
        async with background(registrar.keep(), "webhook registration"):
            yield

    return context


@contextlib.asynccontextmanager
async def background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run `work` beside the block, and end it with the block. name: of its task."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await end([task])


def ready_context(health: Health, names: SearchNames) -> Context:
    """Ready once everything else has started, and every question can be answered. Most can be sooner."""

    def begin() -> None:
        # A process that is told to stop while it starts drains already.
        if health.phase is Phase.STARTING:
            health.phase = Phase.READY

    async def ready() -> None:
        await names.complete.wait()
        begin()

    async def context(_: web.Application) -> AsyncIterator[None]:
        if names.complete.is_set():
            begin()
        async with background(ready(), "ready"):
            yield
        health.phase = Phase.DRAINING

    return context
