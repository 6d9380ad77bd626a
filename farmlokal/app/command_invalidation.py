"""Invalidating from outside a running service: a command sends what it touched as a service sends its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from farmlokal.app.dependencies import redis_client
from farmlokal.caching.invalidation import InvalidationSender
from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.tag_history import TagHistory
from farmlokal.database.interface import Database
from farmlokal.database.touching import InvalidateOrLeave
from farmlokal.database.unheard_tags import UnheardTags
from farmlokal.errors import Unavailable
from farmlokal.settings import Settings
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# A command has more time than a request: for one call of Redis, and at its end for whatever is not sent yet.
_WAIT_MAX_S = 5.0


class CommandInvalidation:
    """Sends a command's invalidations.

    invalidate: what carries one of its tags is no longer fresh, in any process. Does not wait for Redis.
    """

    def __init__(self, sender: InvalidationSender, wait_max_s: float) -> None:
        """wait_max_s: how long `send_all` waits, in seconds."""
        self._sender = sender
        self._wait_max_s = wait_max_s
        self.invalidate = InvalidateOrLeave(self._invalidate, lambda: sender.unheard)

    def __repr__(self) -> str:
        return f"<CommandInvalidation {self._sender!r}>"

    async def send_all(self) -> None:
        """Return once Redis has every invalidation, or where it does not answer in time services find it otherwise.

        Raises Unavailable where it could not even be left for them in the database.
        """
        if await self._sender.settle(self._wait_max_s):
            return
        if not await self._sender.leave():
            raise Unavailable("the invalidation was not sent: Redis does not answer; entries live out their fresh time")
        _log.warning("redis does not answer: a running service that reaches it sends the invalidation")

    async def _invalidate(self, tags: Iterable[str], *, until: asyncio.Event | None = None, left: bool = False) -> None:
        self._sender.invalidate(tags, until=until, left=left)


@asynccontextmanager
async def command_invalidation(
    settings: Settings, database: Database, identity: str, *, wait_max_s: float = _WAIT_MAX_S
) -> AsyncIterator[CommandInvalidation]:
    """What sends invalidations to every process that shares the Redis; `send_all` is the last thing to call.

    database: the catalogue whose processes are meant; it has this identity.

    Without a FARMLOKAL_REDIS_URL there is nobody to send them to: each process keeps its own entries.
    """
    redis = redis_client(settings.redis_url, wait_max_s) if settings.redis_url is not None else None
    second = RedisTier(redis, identity, wait_max_s=wait_max_s) if redis is not None else None
    remember_s = Lifetime(settings.cache_ttl_s, settings.stale_s).fresh_max_s
    sender = InvalidationSender(
        second, TagHistory(), clock=time.time, remember_s=remember_s, left_tags=UnheardTags(database)
    )
    try:
        yield CommandInvalidation(sender, wait_max_s)
    finally:
        await sender.close(0)
        if redis is not None:
            await redis.aclose()


async def send_invalidation(
    settings: Settings, database: Database, identity: str, tags: Iterable[str], *, wait_max_s: float = _WAIT_MAX_S
) -> None:
    """What carries one of `tags` is no longer fresh, in any process that serves the catalogue with this identity.

    Raises Unavailable as CommandInvalidation.send_all.
    """
    async with command_invalidation(settings, database, identity, wait_max_s=wait_max_s) as invalidation:
        await invalidation.invalidate(frozenset(tags))
        await invalidation.send_all()
