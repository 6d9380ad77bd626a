"""Invalidation raced against every step of a load, a refresh and a read, one schedule after the other.

The rule: once a write is acknowledged and its notice delivered, the old value is never served as fresh again.
"""

from collections.abc import Awaitable, Callable
from typing import cast

import orjson
import pytest
from redis.asyncio import Redis

from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.value import Value
from tests.caching.stepping import STEPS, Database, Schedule, SteppedTier
from tests.support.cache import (
    STALE_S,
    TTL_S,
    Process,
    asked,
    asked_then,
    deliver,
    epoch_of,
    expect_misses,
    miss_notices,
    own_client,
    process,
    send_notice,
)
from tests.support.clock import StillClock
from tests.support.waiting import settle, until

TAGS = ("listing",)
FLOWS = (
    *("cold load", "stale refresh", "forced refresh", "redis hit", "redis hit below tasks", "revalidation"),
    *("expected miss", "redis hit where a miss is expected"),
)


class PlainReadThrough:
    """What most services do: look, load, set; and delete what a write changed."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, load: Callable[[], Awaitable[Value]]) -> bytes:
        """The value."""
        kept = await self._redis.get("plain")
        if kept is None:
            kept = (await load()).body
            await self._redis.set("plain", kept, px=TTL_S * 1000)
        return cast("bytes", kept)

    async def invalidate(self) -> None:
        """Forget it."""
        await self._redis.delete("plain")


async def test_a_plain_read_through_loses_the_race(redis_url: str) -> None:
    """A write that lands during a load is overwritten by it: every later reader gets the old value as fresh."""
    schedule = Schedule()
    database = Database(schedule)
    async with own_client(redis_url) as redis:
        plain = PlainReadThrough(redis)

        async def write() -> None:
            database.row = b"new"
            await plain.invalidate()

        schedule.arm("after load", write)
        await plain.get(database.load)
        assert b"old" == await plain.get(database.load)


def old_as_fresh(lookup: Lookup) -> bool:
    """What must not be."""
    return lookup.fresh and lookup.value.body == b"old"


async def ask(reader: Process, database: Database) -> Lookup:
    """One request."""
    return await asked(reader.cache, "page", database.load, tags=TAGS)


async def prepare(flow: str, reader: Process, other: Process, database: Database, clock: StillClock) -> None:
    """Bring the reader to where `flow` begins."""
    if "expected" in flow:
        await expect_misses(reader.cache)
    if flow in ("cold load", "expected miss"):
        return
    await ask(other if flow.startswith("redis hit") else reader, database)
    await reader.cache.settle()
    await other.cache.settle()
    if flow == "stale refresh":
        clock.now_s += TTL_S + 1
    if flow == "revalidation":
        await miss_notices(reader)


async def run(flow: str, reader: Process, database: Database, schedule: Schedule) -> Lookup | None:
    """The flow itself, to the end of what it does behind; its answer, if the hook ran before it was given."""
    lookup = None
    if flow == "forced refresh":
        await reader.cache.refresh(reader.cache.question("page", database.load, tags=TAGS))
    elif flow == "redis hit below tasks":
        question = reader.cache.question("page", database.load, TAGS)
        lookup = await asked_then(reader.cache, question) or await reader.cache.ask(question, looked=True)
    else:
        lookup = await ask(reader, database)
    raced = schedule.ran
    await until(lambda: "in_flight=0" in repr(reader.cache))
    await reader.cache.settle()
    return lookup if raced else None


@pytest.mark.parametrize("emptied", [False, True], ids=["kept", "emptied"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("flow", FLOWS)
async def test_another_process_writes_at_any_step(redis_url: str, flow: str, step: str, emptied: bool) -> None:
    """Whatever the reader is doing when the notice comes, afterwards it never calls the old value fresh.

    Nor does it, nor a third process that starts then, when Redis has lost everything in between.
    """
    clock, schedule = StillClock(), Schedule()
    database = Database(schedule)
    async with (
        process(redis_url, clock, tier_type=SteppedTier) as reader,
        process(redis_url, clock) as writer,
        own_client(redis_url) as redis,
    ):
        await prepare(flow, reader, writer, database, clock)

        async def write() -> None:
            database.row = b"new"
            await deliver(writer, [reader], TAGS)
            if emptied:
                await redis.flushdb()

        assert isinstance(reader.tier, SteppedTier)
        reader.tier.schedule = schedule
        schedule.arm(step, write)
        under_way = await run(flow, reader, database, schedule)
        await schedule.run()  # in a flow without this step the write comes after it
        assert under_way is None or not old_as_fresh(under_way)
        for _ in range(5):
            assert not old_as_fresh(await ask(reader, database))
            await settle()
        await until(lambda: "in_flight=0" in repr(reader.cache))
        assert b"new" == (await ask(reader, database)).value.body
        async with process(redis_url, clock) as third:
            assert not old_as_fresh(await ask(third, database))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("flow", FLOWS)
async def test_the_process_itself_writes_at_any_step(redis_url: str, flow: str, step: str) -> None:
    """Whoever asks the writing process after the write gets the new value, though Redis does not know of it yet."""
    clock, schedule = StillClock(), Schedule()
    database = Database(schedule)
    after: list[Lookup] = []
    async with (
        process(redis_url, clock, tier_type=SteppedTier) as reader,
        process(redis_url, clock) as other,
    ):
        await prepare(flow, reader, other, database, clock)

        async def write() -> None:
            clock.now_s += 0.001
            database.row = b"new"
            await reader.cache.invalidate(TAGS)
            clock.now_s += 0.001

        assert isinstance(reader.tier, SteppedTier)
        reader.tier.schedule = schedule
        schedule.arm(step, write)
        under_way = await run(flow, reader, database, schedule)
        await schedule.run()
        assert under_way is None or not old_as_fresh(under_way)
        after.append(await ask(reader, database))
        await reader.cache.settle()
        after.append(await ask(reader, database))
        assert [b"new", b"new"] == [lookup.value.body for lookup in after]
        await until(lambda: epoch_of(other.cache) >= 1)
        async with process(redis_url, clock) as third:
            assert not old_as_fresh(await ask(third, database))


async def test_a_notice_on_its_way(redis_url: str) -> None:
    """Before its notice the other process may still call the old value fresh; from then on it serves it as stale."""
    clock, schedule = StillClock(), Schedule()
    database = Database(schedule)
    async with process(redis_url, clock) as reader, process(redis_url, clock) as writer:
        await ask(reader, database)
        await reader.cache.settle()
        database.row = b"new"
        await deliver(writer, [reader], TAGS)
        lookup = await ask(reader, database)
        assert (Outcome.STALE, b"old") == (lookup.outcome, lookup.value.body)
        await until(lambda: "in_flight=0" in repr(reader.cache))
        lookup = await ask(reader, database)
        assert (Outcome.MEMORY_HIT, b"new") == (lookup.outcome, lookup.value.body)
        assert lookup.fresh_until - lookup.loaded_at < TTL_S + STALE_S


async def test_a_process_that_heard_late_loads_nothing_twice(redis_url: str) -> None:
    """What was loaded after the write but before the notice is found current again in Redis, without a load."""
    clock, schedule = StillClock(), Schedule()
    database = Database(schedule)
    async with process(redis_url, clock) as reader, process(redis_url, clock, listening=False) as writer:
        await ask(reader, database)
        await reader.cache.settle()
        await send_notice(reader, orjson.dumps({"from": "another", "tags": TAGS}))
        database.row = b"a load would show this"
        assert Outcome.STALE is (await ask(reader, database)).outcome
        await until(lambda: "in_flight=0" in repr(reader.cache))
        lookup = await ask(reader, database)
        assert (Outcome.MEMORY_HIT, b"old") == (lookup.outcome, lookup.value.body)
        assert writer.tier is not reader.tier


async def test_only_what_carries_the_tag_is_invalidated(redis_url: str) -> None:
    """A write to one product leaves the others alone; everything carries the tag of everything."""
    clock, schedule = StillClock(), Schedule()
    database = Database(schedule)
    async with process(redis_url, clock) as one:

        async def outcomes() -> list[Outcome]:
            return [
                (await asked(one.cache, name, database.load, tags=(name,))).outcome
                for name in ("product/1", "product/2")
            ]

        await outcomes()
        assert [Outcome.MEMORY_HIT, Outcome.MEMORY_HIT] == await outcomes()
        clock.now_s += 1
        await one.cache.invalidate(["product/1"])
        assert [Outcome.MISS, Outcome.MEMORY_HIT] == await outcomes()
        clock.now_s += 1
        await one.cache.invalidate(["*"])
        assert [Outcome.MISS, Outcome.MISS] == await outcomes()
