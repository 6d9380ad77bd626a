"""The other processes that share a Redis: what they invalidate is heard, what they are asked for most is fetched."""

import asyncio

from farmlokal.caching.awaited_loads import Landings
from farmlokal.caching.lifetime import Lifetime
from farmlokal.caching.loading import Filler
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.redis.notices import NoticeListener
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.redis.warming import Warming
from farmlokal.caching.tag_history import TagHistory
from farmlokal.resilience.ending import end


class Neighbours:
    """Listens and tells between `start` and `close`. name: under which this process sends its own notices."""

    def __init__(
        self,
        tier: RedisTier,
        memory: MemoryTier,
        filler: Filler,
        history: TagHistory,
        landings: Landings,
        *,
        lifetime: Lifetime,
        name: str,
    ) -> None:
        self.listener = NoticeListener(tier, history, landings, name=name)
        self._warming = Warming(memory, tier, filler, self.listener, lifetime)
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Neighbours {self.listener!r}>"

    async def start(self) -> int:
        """Begin; return how many entries the others' telling brought into memory."""
        self._tasks.append(asyncio.create_task(self.listener.listen(), name="cache notices"))
        fetched = await self._warming.warm()
        self._tasks.append(asyncio.create_task(self._warming.keep(), name="cache warming"))
        return fetched

    async def close(self) -> None:
        """End."""
        await end(self._tasks)
