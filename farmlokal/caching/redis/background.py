"""What runs beside the requests: notices are heard, others' are sent, the master is followed, what is hot is kept."""

import asyncio
from collections.abc import Callable

from farmlokal.caching.awaited_loads import AwaitedLoads
from farmlokal.caching.loading import Loading
from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.redis.notices import NoticeListener
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.redis.warming import Warming
from farmlokal.caching.tag_history import TagHistory
from farmlokal.caching.unheard import Deliveries
from farmlokal.resilience.ending import end


class Background:
    """The listener to notices and the warming, between `start` and `close`.

    clock: wall seconds. lifetime: of the entries that are fetched. name: under which this process sends its own
    notices. deliveries: of what other processes cannot send, if there is where they leave it.
    """

    def __init__(
        self,
        tier: RedisTier,
        memory: MemoryTier,
        loading: Loading,
        history: TagHistory,
        awaited_loads: AwaitedLoads,
        *,
        clock: Callable[[], float],
        lifetime: Lifetime,
        name: str,
        deliveries: Deliveries | None = None,
    ) -> None:
        self._primary = tier.primary
        self._listener = NoticeListener(tier, history, awaited_loads, clock=clock, name=name)
        self._warming = Warming(memory, tier, loading, self._listener, lifetime)
        self._deliveries = deliveries
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Background {self._listener!r} {self._deliveries!r}>"

    async def start(self) -> int:
        """Begin. Returns how many entries, of those that others are asked for most, memory has from now on."""
        self._tasks.append(asyncio.create_task(self._primary.follow(), name="redis master of the cache"))
        self._tasks.append(asyncio.create_task(self._listener.listen(), name="cache notices"))
        if self._deliveries is not None:
            self._tasks.append(asyncio.create_task(self._deliveries.keep(), name="others' invalidations"))
        fetched = await self._warming.warm()
        self._tasks.append(asyncio.create_task(self._warming.keep(), name="cache warming"))
        return fetched

    async def close(self) -> None:
        """Stop the tasks, and wait for their end."""
        await end(self._tasks)
