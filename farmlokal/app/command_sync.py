"""A sync outside a running service: the partner's connection, and invalidations for the services' caches."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from farmlokal.app.command_invalidation import CommandInvalidation, command_invalidation
from farmlokal.app.dependencies import redis_client
from farmlokal.app.partner import partner_connection
from farmlokal.app.syncing import catalogue_sync
from farmlokal.app.webhooks import product_waker, webhook_receiver
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.database.identity import read_identity
from farmlokal.database.interface import Database
from farmlokal.errors import Unavailable
from farmlokal.partner.sync.run import Run
from farmlokal.partner.sync.service import Sync
from farmlokal.settings import Settings
from farmlokal.telemetry import get_logger
from farmlokal.webhooks.inbox import Inbox

_log = get_logger(__name__)


@asynccontextmanager
async def command_sync(settings: Settings, database: Database, on_page: Callable[[Run], None]) -> AsyncIterator[Sync]:
    """The sync that the settings describe. on_page: called after each page. Raises NotConfigured."""
    wait_max_s = settings.redis_wait_ms / 1000
    redis = redis_client(settings.redis_url, wait_max_s) if settings.redis_url else None
    identity = await read_identity(database)
    partner = partner_connection(settings, RedisTier(redis, identity, wait_max_s=wait_max_s) if redis else None)
    try:
        _ = partner.client  # raises NotConfigured, before there is a run
        async with command_invalidation(settings, database, identity) as invalidation:
            source, invalidate = settings.partner_source, invalidation.invalidate
            receiver = webhook_receiver(database, Inbox(database), invalidate, source=source)
            try:
                yield catalogue_sync(
                    database,
                    partner,
                    source=source,
                    invalidate=invalidate,
                    wake=product_waker(receiver),
                    on_page=on_page,
                )
            finally:
                await _send_all(invalidation)
    finally:
        await partner.close()
        if redis is not None:
            await redis.aclose()


async def _send_all(invalidation: CommandInvalidation) -> None:
    try:
        await invalidation.send_all()
    except Unavailable as error:
        # No reason to fail: what is cached lives out its fresh time, as everything does without Redis.
        _log.warning("invalidations not sent", reason=str(error))
