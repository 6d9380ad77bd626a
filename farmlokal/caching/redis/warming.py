"""Processes that start fetch from Redis what others are asked for most, before their first request."""

import asyncio
from contextlib import suppress

import orjson

from farmlokal.caching.loading import Loading
from farmlokal.caching.lookup import FRESH, Lifetime, Question
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.redis.notices import NoticeListener
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.value import Value
from farmlokal.errors import Unavailable
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# Enough for nearly all requests of a Zipf-like load; at most a few megabytes from Redis, in a few batches.
HOT_KEYS_MAX = 512
# What is hot changes slowly, and storing it is one write.
_STORE_EVERY_S = 10.0
# A process is better late by this than cold; without Redis it is not to be late at all.
_WARM_MAX_S = 1.0


class Warming:
    """Stores in Redis what this memory is asked for most, and fetches what others stored.

    lifetime: of the entries that are fetched.
    """

    def __init__(
        self, memory: MemoryTier, tier: RedisTier, loading: Loading, listener: NoticeListener, lifetime: Lifetime
    ) -> None:
        self._memory = memory
        self._tier = tier
        self._loading = loading
        self._listener = listener
        self._lifetime = lifetime

    def __repr__(self) -> str:
        return f"<Warming {self._memory!r}>"

    async def keep(self) -> None:
        """Store again and again, until cancelled."""
        await every(_STORE_EVERY_S, self.store, log=_log, failed="what is hot was not stored", wait_first=True)

    async def store(self) -> None:
        """Write to Redis what this memory is asked for most, in place of what the last process wrote."""
        hottest = self._memory.hottest(HOT_KEYS_MAX)
        if hottest:
            await self._tier.store_hot(orjson.dumps([[key, entry.tags] for key, entry in hottest]))

    async def warm(self) -> int:
        """Fetch what was stored last and is still fresh, for a second at most. Returns how many memory keeps."""
        fetched = 0
        with suppress(TimeoutError):  # a cold start, which the count shows
            async with asyncio.timeout(_WARM_MAX_S):
                # An entry fetched before notices arrive would have to be confirmed again with Redis.
                await self._listener.wait_until_listening()
                questions = [
                    Question(key, _no_load, tags, self._lifetime) for key, tags in _parsed(await self._tier.hot())
                ]
                await asyncio.gather(*(self._loading.look(question, FRESH) for question in questions))
                fetched = sum(self._memory.peek(question.key) is not None for question in questions)
        return fetched


async def _no_load() -> Value:
    raise Unavailable("what is hot is looked up, never loaded")


def _parsed(raw: bytes | None) -> list[tuple[str, tuple[str, ...]]]:
    """Return the keys and their tags that a process stored; none where what stands there is not ours."""
    try:
        stored = orjson.loads(raw) if raw else []
        return [(str(key), tuple(map(str, tags))) for key, tags in stored[:HOT_KEYS_MAX]]
    except (ValueError, TypeError, LookupError):
        return []
