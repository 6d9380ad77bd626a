"""A sync outside a running service: the partner's connection, and word to the services' caches."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from farmlokal.app.partner import partner_connection
from farmlokal.app.purging import purge
from farmlokal.app.resources import redis_client
from farmlokal.app.syncing import catalogue_sync
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.database.interface import Database
from farmlokal.errors import Unavailable
from farmlokal.partner.sync.run import Run
from farmlokal.partner.sync.service import Sync
from farmlokal.settings import Settings
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# What could not be told piles up while Redis is away; more than this is told as one.
_UNTOLD_MAX = 10_000


@asynccontextmanager
async def command_sync(settings: Settings, database: Database, on_page: Callable[[Run], None]) -> AsyncIterator[Sync]:
    """The sync that the settings describe. on_page: called after each page. Raises NotConfigured."""
    wait_max_s = settings.redis_wait_ms / 1000
    redis = redis_client(settings.redis_url, wait_max_s) if settings.redis_url else None
    partner = partner_connection(settings, RedisTier(redis, wait_max_s=wait_max_s) if redis else None)
    notices = _Notices(settings)
    try:
        _ = partner.client  # raises NotConfigured, before there is a run
        yield catalogue_sync(database, partner, source=settings.partner_source, on_change=notices.add, on_page=on_page)
        await notices.send()
    finally:
        await partner.close()
        if redis is not None:
            await redis.aclose()


class _Notices:
    """Tells the services what a page touched; what Redis did not take goes along with the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._untold: set[str] = set()
        self._told_so = False

    def __repr__(self) -> str:
        return f"<_Notices untold={len(self._untold)}>"

    async def add(self, tags: frozenset[str]) -> None:
        self._untold |= tags
        if len(self._untold) > _UNTOLD_MAX:
            self._untold = {EVERYTHING}
        await self.send()

    async def send(self) -> None:
        try:
            await purge(self._settings, self._untold)
        except Unavailable as error:
            # No reason to stop: what is cached lives out its fresh time, as everything does without Redis.
            if not self._told_so:
                _log.warning("caches not told", reason=str(error))
            self._told_so = True
        else:
            self._told_so = False
            self._untold.clear()
