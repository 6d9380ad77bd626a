"""A process that starts has in memory what others are asked for most, and is never late or wrong for it."""

import asyncio
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.redis import warming
from farmlokal.caching.redis.keys import RedisKeys
from tests.caching.opened_tier import entry
from tests.servers.process import free_port
from tests.support.cache import Origin, Process, asked, cache_with, own_client, process
from tests.support.kept_connection import ask_kept
from tests.support.lateness import within
from tests.support.log_lines import logged
from tests.support.own_servers import StartRedis
from tests.support.products import catalogue
from tests.support.redis_names import KEYS, identity_at
from tests.support.service import serving, settings_for
from tests.support.waiting import until

TAGS = ("tag",)
# The longest that a start may take where there is nothing to wait for but Redis; the tests' machine may be busy.
_START_MAX_S = warming._WARM_MAX_S + 2


@pytest.fixture(autouse=True)
def told_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hot is told every few milliseconds."""
    monkeypatch.setattr(warming, "_STORE_EVERY_S", 0.02)


async def ask(one: Process, *names: str, times: int = 4) -> Origin:
    """Ask for each of `names` so often; its origin."""
    origin = Origin("written")
    for _ in range(times):
        for name in names:
            await asked(one.cache, name, origin, tags=TAGS)
    assert await one.cache.settle()
    return origin


async def told(redis: Redis, keys: RedisKeys = KEYS) -> list[str]:
    """The keys that were told last."""
    raw = await redis.get(keys.hot)
    return [key for key, _ in orjson.loads(raw)] if raw else []


async def until_told(redis: Redis, *names: str, keys: RedisKeys = KEYS) -> None:
    """Return once each of `names` was told."""
    async with asyncio.timeout(10):
        while not set(names) <= set(await told(redis, keys)):  # noqa: ASYNC110 - Redis sets no event of ours
            await asyncio.sleep(0.01)


def test_the_hottest_come_first() -> None:
    """By uses; those that stayed before newcomers, and no newcomer that was not asked for twice."""
    memory = MemoryTier(2**16)
    page = entry(b"x" * 100)
    for number in range(60):  # more than there is room for: who is asked for stays
        memory.put(f"old {number % 3}", page)
        memory.put(f"passing {number}", page)
        for key, uses in (("old 0", 1), ("old 1", 3), ("old 2", 2)):
            for _ in range(uses):
                memory.get(key)
    memory.put("new, asked for", page)
    memory.put("new", page)
    for _ in range(2):
        memory.get("new, asked for")
    hottest = [key for key, _ in memory.hottest(10)]
    assert {"old 0", "old 1", "old 2"} == set(hottest[:3])
    assert ["new, asked for"] == hottest[3:]
    assert hottest[:2] == [key for key, _ in memory.hottest(2)]


def test_more_uses_come_earlier() -> None:
    """Among those that stayed, the number of uses decides."""
    memory = MemoryTier(2**16)
    page = entry(b"x" * 100)
    for key in ("a", "b", "c"):  # a ghost comes back into the main queue
        memory.put(key, page)
        memory._main[key] = memory._small.pop(key)
    for key in ("b", "b", "b", "c", "c", "a"):
        memory.get(key)
    assert ["b", "c", "a"] == [key for key, _ in memory.hottest(3)]


async def test_a_new_process_has_what_is_hot_in_memory(redis_url: str) -> None:
    """Its first callers get memory hits, of what was asked for often, and nothing is loaded."""
    async with process(redis_url) as first, own_client(redis_url) as redis:
        await ask(first, "hot", "hotter")
        await ask(first, "cold", times=1)
        await until_told(redis, "hot", "hotter")
        assert "cold" not in await told(redis)
        async with process(redis_url) as second:
            origin = Origin()
            for key in ("hot", "hotter"):
                lookup = await asked(second.cache, key, origin, tags=TAGS)
                assert (Outcome.MEMORY_HIT, b"written") == (lookup.outcome, lookup.value.body)
            assert Outcome.REDIS_HIT == (await asked(second.cache, "cold", origin, tags=TAGS)).outcome
            assert 0 == origin.loads


async def test_the_first_answers_of_a_new_service_come_from_memory(tmp_path: Path, redis_url: str) -> None:
    """Through the whole service: pages that another one is asked for again and again."""
    url = await catalogue(tmp_path)
    settings = settings_for(url, redis_url=redis_url, redis_wait_ms=3000)
    targets = ["/products?limit=3", "/products?category=fruits&sort=price", "/products/3"]
    async with serving(settings) as old, own_client(redis_url) as redis:
        for target in targets * 4:
            assert 200 == (await ask_kept(old.port, target)).status
        keys = RedisKeys(await identity_at(url))
        await until_told(redis, "products?limit=3", keys=keys)
        async with asyncio.timeout(10):
            while len(await told(redis, keys)) < len(targets):  # noqa: ASYNC110 - Redis sets no event of ours
                await asyncio.sleep(0.01)
        with logged() as events:
            async with serving(settings) as new:
                answers = [await ask_kept(new.port, target) for target in targets]
    assert ["memory"] * 3 == [answer.headers["Cache-Status"].rpartition("detail=")[2] for answer in answers]
    (line,) = [event for event in events if event["event"] == "cache warmed"]
    assert len(targets) <= line["entries"]


async def test_what_was_invalidated_is_not_fetched_as_fresh(redis_url: str) -> None:
    """It was told before the write: the new process serves it as stale, if at all, and loads it anew."""
    async with process(redis_url) as first, own_client(redis_url) as redis:
        await ask(first, "hot")
        await until_told(redis, "hot")
        kept = await redis.get(KEYS.hot)
        assert kept is not None
        await first.cache.invalidate(TAGS)
        assert await first.cache.settle()
        await redis.set(KEYS.hot, kept)
        async with process(redis_url) as second:
            origin = Origin("rewritten")
            async with asyncio.timeout(10):
                while (lookup := await asked(second.cache, "hot", origin, tags=TAGS)).value.body != b"rewritten":
                    assert not lookup.fresh
                    await asyncio.sleep(0.01)
            assert 1 == origin.loads


async def test_what_is_invalidated_after_the_warming_is_noticed(redis_url: str) -> None:
    """An entry that nobody asked this process for hears the notices like any other."""
    async with process(redis_url) as first, own_client(redis_url) as redis:
        await ask(first, "hot")
        await until_told(redis, "hot")
        async with process(redis_url) as second:
            await first.cache.invalidate(TAGS)
            assert await first.cache.settle()
            question = second.cache.question("hot", Origin("rewritten"), TAGS)
            await until(lambda: (held := second.cache.peek(question)) is None or not held.fresh)
            lookup = await asked(second.cache, "hot", Origin("rewritten"), tags=TAGS)
            assert not lookup.fresh or lookup.value.body == b"rewritten"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"null",
        b"7",
        b'"text"',
        b'{"a": 1}',
        b"[1, 2]",
        b'[["only a key"]]',
        b'[["key", 7]]',
        b'[["hot", ["another tag"]], [null, [null]], ["x", {}]]',
        b"[" * 5000,
    ],
)
async def test_rubbish_in_place_of_the_keys_is_no_fault(redis_url: str, rubbish: bytes) -> None:
    """The process starts cold, and what it serves has the tags that its callers name."""
    async with process(redis_url) as first, own_client(redis_url) as redis:
        await ask(first, "hot", times=1)  # too seldom to be told
        await redis.set(KEYS.hot, rubbish)
        async with process(redis_url) as second:
            lookup = await asked(second.cache, "hot", Origin(), tags=TAGS)
            assert (Outcome.REDIS_HIT, b"written") == (lookup.outcome, lookup.value.body)


async def test_no_redis_is_not_waited_for_long() -> None:
    """Nobody listens there: the start takes a second more than it would."""
    async with process(f"redis://127.0.0.1:{free_port()}/0", listening=False) as one, within(_START_MAX_S):
        assert 0 == await one.cache.start()


async def test_a_frozen_redis_is_not_waited_for_long(own_redis: StartRedis) -> None:
    """It takes connections and says nothing; once it goes on, the process hears notices like any other."""
    server = own_redis()
    async with process(server.url(), listening=False) as one:
        server.pause()
        try:
            async with within(_START_MAX_S):
                assert 0 == await one.cache.start()
        finally:
            server.resume()
        assert Outcome.MISS == (await asked(one.cache, "key", Origin(), tags=TAGS)).outcome


async def test_without_a_second_tier_there_is_nothing_to_warm() -> None:
    """Memory alone starts at once."""
    assert 0 == await cache_with().start()
