"""One process of the service as far as its cache goes, driven by JSON lines on standard input.

Its origin is another Redis: `value:KEY` is the row, `loads` counts the loads, `hold` makes them hang, `away` fail.
"""

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
import uvloop
from redis.asyncio import Redis

from farmlokal.app.dependencies import redis_client
from farmlokal.caching.entry import Entry
from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import NOTHING_KNOWN, Doubt, Held, Lease, Snapshot
from farmlokal.caching.value import Value
from farmlokal.errors import DatabaseUnavailable, Unavailable
from farmlokal.resilience.commit_positions import Committed
from farmlokal.telemetry import configure_logging
from tests.support.redis_names import IDENTITY, KEYS


class UnleasedTier(RedisTier):
    """A tier that gives nobody a lease: what a cache without one does."""

    async def acquire(self, key: str, tags: tuple[str, ...]) -> Lease | Held | None:
        """None."""
        return None

    async def read_or_acquire(self, key: str, tags: tuple[str, ...]) -> Snapshot | None:
        """Only what is kept."""
        snapshot = await self.read(key, tags)
        return None if snapshot is None or snapshot.entry is None else snapshot


class UnfencedTier(RedisTier):
    """A tier that writes without a look at the lease: what a lock alone does."""

    async def store(self, lease: Lease, entry: Entry, *, now: float) -> bool:
        """Keep it."""
        return bool(await self.redis.set(KEYS.entry(lease.key), entry.encoded(), px=60_000))


class SilentTier(RedisTier):
    """A tier whose notices are lost on the way, without anybody's noticing."""

    async def invalidate(
        self, tags: Iterable[str], sender: str, committed: Committed = NOTHING_KNOWN, doubt: Doubt | None = None
    ) -> bool:
        """Raise the generations, and no more."""
        await self.redis.delete(*KEYS.generations(tuple(tags)))
        return True


TIERS = {"": RedisTier, "silent": SilentTier, "unleased": UnleasedTier, "unfenced": UnfencedTier}


class Worker:
    """The cache, and the commands that it is given."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.origin = Redis.from_url(options["origin_url"])
        self.redis = redis_client(options["redis_url"], options.get("wait_max_s", 0.1))
        tier = TIERS[options.get("tier", "")](self.redis, IDENTITY, wait_max_s=options.get("wait_max_s", 0.1))
        self.cache = ReadThrough(
            MemoryTier(2**24),
            tier,
            lifetime=Lifetime(options.get("ttl_s", 30), options.get("stale_s", 300)),
            origin_loads=options.get("origin_loads", 10),
        )

    async def load(self, key: str) -> Value:
        """The row as it was at the start of the load."""
        pipeline = self.origin.pipeline()
        pipeline.incr("loads")
        pipeline.mget(f"value:{key}", "away", "delay_s")
        _, (row, away, delay_s) = await pipeline.execute()
        if away:
            raise DatabaseUnavailable("away")
        await asyncio.sleep(float(delay_s or 0))
        while await self.origin.get("hold"):  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(0.01)
        return Value(row or b"nothing")

    async def get(self, key: str, callers: int = 1, guarded: bool = True, tags: tuple[str, ...] = ()) -> dict[str, Any]:
        """What `callers` requests for `key` get."""
        started = time.perf_counter()

        async def one() -> tuple[str, str]:
            if not guarded:
                return "unguarded", (await self.load(key)).body.decode()
            try:
                lookup = await self.cache.ask(self.cache.question(key, lambda: self.load(key), tags=tuple(tags)))
            except Unavailable:
                return "unavailable", ""
            return lookup.outcome.value, lookup.value.body.decode()

        answers = await asyncio.gather(*(one() for _ in range(callers)))
        return {
            "outcomes": Counter(outcome for outcome, _ in answers),
            "bodies": sorted({body for _, body in answers}),
            "took_s": time.perf_counter() - started,
        }

    async def invalidate(self, tags: list[str]) -> dict[str, Any]:
        """Invalidate, and wait until the notice is sent."""
        await self.cache.invalidate(tags)
        return {"sent": await self.cache.settle()}

    async def settle(self) -> dict[str, Any]:
        """Wait for what is written behind."""
        return {"sent": await self.cache.settle()}

    async def state(self) -> dict[str, Any]:
        """The cache's own description, and how often it has heard that another process loads."""
        return {"cache": repr(self.cache), "tasks": len(asyncio.all_tasks()), "busy": self.cache.counts.busy}

    async def race(self, keys: list[str], duration_s: float, name: str) -> dict[str, Any]:
        """Read and write `keys` for `duration_s` seconds; the worst staleness of what was called fresh.

        A row is the moment of its write; each write is acknowledged, with that moment, once its invalidation was
        asked for. What is read as fresh must be as new as what was acknowledged the bound before.
        """
        readings: list[tuple[str, float, int]] = []
        writes: list[tuple[str, float, int]] = []
        end = time.time() + duration_s
        outcomes: Counter[str] = Counter()

        async def write() -> None:
            while time.time() < end:
                key = keys[int(time.time() * 1000) % len(keys)]
                number = await self.origin.incr(f"value:{key}")
                await self.cache.invalidate([key])
                writes.append((key, time.time(), number))
                await asyncio.sleep(0.004)

        async def read(first: int) -> None:
            place = first
            while time.time() < end:
                place += 1
                key = keys[place % len(keys)]
                asked_at = time.time()
                lookup = await self.cache.ask(self.cache.question(key, lambda key=key: self.load(key), tags=(key,)))  # type: ignore[misc]
                outcomes[lookup.outcome.value] += 1
                if lookup.fresh:
                    readings.append((key, asked_at, int(lookup.value.body)))
                await asyncio.sleep(0.001)

        writers = [write()] if name == "writer" else []
        await asyncio.gather(*writers, *(read(first) for first in range(8)))
        await self.cache.settle()
        return {"readings": readings, "writes": writes, "outcomes": outcomes}

    async def handle(self, line: bytes, answer: Callable[[dict[str, Any]], None]) -> None:
        """Run one command and answer it."""
        command = orjson.loads(line)
        number, name = command.pop("number"), command.pop("do")
        method: Callable[..., Awaitable[dict[str, Any]]] = getattr(self, name)
        try:
            content = await method(**command)
        except Exception as error:
            content = {"error": repr(error)}
        answer({"number": number, **content})


async def main() -> None:
    """Work until standard input ends."""
    configure_logging("json", "error")  # standard output has the answers
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    worker = Worker(orjson.loads(await reader.readline()))
    await worker.cache.start()

    def answer(content: dict[str, Any]) -> None:
        sys.stdout.buffer.write(orjson.dumps(content) + b"\n")
        sys.stdout.buffer.flush()

    running: set[asyncio.Task[None]] = set()
    answer({"number": 0})
    while line := await reader.readline():
        task = asyncio.create_task(worker.handle(line, answer))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in running:
        task.cancel()
    with contextlib.suppress(Exception):
        await worker.cache.close()


if __name__ == "__main__":
    uvloop.run(main())
