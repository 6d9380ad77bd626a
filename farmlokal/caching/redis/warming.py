"""What is asked for most is told to processes that start: they fetch it from Redis before their first request."""

import asyncio
import random
from contextlib import suppress

import orjson

from farmlokal.caching.lifetime import Lifetime
from farmlokal.caching.loading import Filler, Wanted
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.question import Question
from farmlokal.caching.redis.notices import NoticeListener
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.value import Value
from farmlokal.errors import Unavailable

# Enough for nearly all requests of a Zipf-like load; at most a few megabytes from Redis, in a few batches.
HOT_KEYS_MAX = 512
# What is hot changes slowly, and telling it is one write.
_TELL_EVERY_S = 10.0
# A process is better late by this than cold; without Redis it is not to be late at all.
_WARM_MAX_S = 1.0


class Warming:
    """Tells what memory is asked for most, and fetches what others told."""

    def __init__(
        self, memory: MemoryTier, tier: RedisTier, filler: Filler, listener: NoticeListener, lifetime: Lifetime
    ) -> None:
        self._memory = memory
        self._tier = tier
        self._filler = filler
        self._listener = listener
        self._lifetime = lifetime

    def __repr__(self) -> str:
        return f"<Warming {self._memory!r}>"

    async def keep(self) -> None:
        """Tell again and again, until cancelled."""
        while True:
            # Spread out, so that the processes of one service do not tell at one moment.
            await asyncio.sleep(_TELL_EVERY_S * (0.5 + random.random()))  # noqa: S311 - not a secret
            await self.tell()

    async def tell(self) -> None:
        """Write to Redis what this memory is asked for most; the last process to tell is the one that is heard."""
        hottest = self._memory.hottest(HOT_KEYS_MAX)
        if hottest:
            await self._tier.tell_hot(orjson.dumps([[key, entry.tags] for key, entry in hottest]))

    async def warm(self) -> int:
        """Fetch what was told last and is still fresh; how many entries memory keeps of it. Waits a second at most."""
        fetched = 0
        with suppress(TimeoutError):  # a cold start, which the count tells
            async with asyncio.timeout(_WARM_MAX_S):
                # An entry fetched before notices arrive would have to be confirmed again with Redis.
                await self._listener.wait_until_listening()
                questions = [
                    Question(key, _no_load, tags, self._lifetime) for key, tags in _told(await self._tier.hot())
                ]
                await asyncio.gather(*(self._filler.look(question, Wanted()) for question in questions))
                fetched = sum(self._memory.peek(question.key) is not None for question in questions)
        return fetched


async def _no_load() -> Value:
    raise Unavailable("what is hot is looked up, never loaded")


def _told(raw: bytes | None) -> list[tuple[str, tuple[str, ...]]]:
    """The keys and their tags that a process told; none where what stands there is not ours."""
    try:
        told = orjson.loads(raw) if raw else []
        return [(str(key), tuple(map(str, tags))) for key, tags in told[:HOT_KEYS_MAX]]
    except (ValueError, TypeError, LookupError):
        return []
