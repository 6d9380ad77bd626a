"""Invalidating from outside a running service: what a command touched."""

import secrets
from collections.abc import Iterable

from farmlokal.app.resources import redis_client
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.errors import Unavailable
from farmlokal.settings import Settings

# A command has more time than a request.
_WAIT_MAX_S = 5.0
# In one message: Redis deletes as many keys in about a millisecond.
_TAGS_MAX = 1000


async def purge(settings: Settings, tags: Iterable[str]) -> None:
    """Tell every process that what carries one of `tags` is no longer fresh.

    Without a FARMLOKAL_REDIS_URL there is nobody to tell: each process keeps its own. Raises Unavailable when Redis
    cannot be told.
    """
    named = sorted(set(tags))
    if settings.redis_url is None or not named:
        return
    redis = redis_client(settings.redis_url, _WAIT_MAX_S)
    try:
        tier = RedisTier(redis, wait_max_s=_WAIT_MAX_S)
        sender = secrets.token_hex(8)
        for first in range(0, len(named), _TAGS_MAX):
            if not await tier.invalidate(named[first : first + _TAGS_MAX], sender):
                raise Unavailable("the caches were not told: Redis does not answer; entries live out their fresh time")
    finally:
        await redis.aclose()
