"""The notices between processes: coalesced in a burst, lost with a connection, and made up for afterwards."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.redis import notices
from tests.support.cache import Origin, Process, asked, epoch_of, is_listening, own_client, process, send_notice
from tests.support.clock import StillClock
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS
from tests.support.waiting import until

TAGS = ("tag",)


async def body(one: Process, origin: Origin) -> tuple[Outcome, bytes]:
    """The next caller's answer."""
    lookup = await asked(one.cache, "key", origin, tags=TAGS)
    return lookup.outcome, lookup.value.body


async def cut_off(redis: Redis) -> None:
    """End every subscription at the server."""
    await redis.client_kill_filter(_type="pubsub")


def longest_gap_s(times_s: list[float]) -> float:
    """The longest time between one of these and the next."""
    return max(later - earlier for earlier, later in pairwise(times_s))


async def test_a_burst_of_writes_is_a_few_notices(redis_url: str) -> None:
    """The first of a thousand writes in a second is sent at once, and the others ten or so times."""
    heard: list[float] = []
    written: list[float] = []
    answers_s: list[float] = []
    enough = asyncio.Event()
    async with process(redis_url) as writer, own_client(redis_url) as redis, own_client(redis_url) as asked:
        pubsub = redis.pubsub()
        await pubsub.subscribe(KEYS.notices)
        await pubsub.get_message(timeout=1)

        async def hear() -> None:
            while not enough.is_set():
                if await pubsub.get_message(timeout=0.1):
                    heard.append(time.monotonic())

        async def ask() -> None:
            while not enough.is_set():
                asked_at = time.monotonic()
                await asked.ping()
                answers_s.append(time.monotonic() - asked_at)
                await asyncio.sleep(0.005)

        tasks = [asyncio.create_task(hear()), asyncio.create_task(ask())]
        started = time.monotonic()
        for number in range(1000):
            await writer.cache.invalidate([f"tag {number % 50}"])
            written.append(time.monotonic())
            await asyncio.sleep(max(0, started + number / 1000 - time.monotonic()))
        ended = time.monotonic()
        assert await writer.cache.settle()
        await until(lambda: heard[-1] >= ended or "unsent=0" in repr(writer.cache))
        # Not cancelled: the client may swallow that when it meets an answer.
        enough.set()
        await asyncio.gather(*tasks)
        await pubsub.aclose()  # type: ignore[no-untyped-call]
    # For how long a busy machine held up this process, which writes and hears, and Redis, at the worst.
    held_up_s = longest_gap_s(written) + max(answers_s)
    assert heard[0] - started < 0.05 + held_up_s
    assert 5 <= len(heard) <= (ended - started) / 0.08 + 2
    assert longest_gap_s(heard) < 0.2 + 2 * held_up_s


async def a_thousand_in_a_second(work: Callable[[], Awaitable[None]]) -> None:
    """Do it so often at that pace; what a busy machine holds up is made up for."""
    started = time.monotonic()
    for number in range(1000):
        if (wait_s := started + number / 1000 - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        await work()


async def test_a_burst_does_not_turn_the_cache_off(redis_url: str) -> None:
    """At a thousand writes a second to one tag both processes answer from memory, and load a few dozen times."""
    origin = Origin()
    async with process(redis_url) as writer, process(redis_url) as reader:
        outcomes = {writer: 0, reader: 0}
        hits = {writer: 0, reader: 0}

        async def write() -> None:
            await writer.cache.invalidate(TAGS)

        async def read(one: Process) -> None:
            outcome, _ = await body(one, origin)
            outcomes[one] += 1
            hits[one] += outcome is not Outcome.MISS

        await asyncio.gather(*map(a_thousand_in_a_second, (write, lambda: read(writer), lambda: read(reader))))
    assert hits[reader] > 0.95 * outcomes[reader]
    assert hits[writer] > 0.75 * outcomes[writer]


async def test_what_was_missed_is_made_up_for(redis_url: str) -> None:
    """A notice that was sent without a connection: afterwards the entry is not called fresh."""
    clock, origin = StillClock(), Origin("old")
    async with (
        process(redis_url, clock) as reader,
        process(redis_url, clock) as writer,
        own_client(redis_url) as redis,
    ):
        assert (Outcome.MISS, b"old") == await body(reader, origin)
        await reader.cache.settle()
        with capture_logs() as events:
            await cut_off(redis)
            await until(lambda: not is_listening(reader.cache))
            assert (Outcome.MEMORY_HIT, b"old") == await body(reader, origin)
            origin.written = "new"
            await writer.cache.invalidate(TAGS)
            assert await writer.cache.settle()
            await until(lambda: is_listening(reader.cache))
            outcome, _ = await body(reader, origin)
            assert outcome in (Outcome.STALE, Outcome.MISS)
            await until(lambda: is_listening(writer.cache))
        lost, found = "no notices arrive: each page is looked up in Redis once a second", "notices arrive again"
        assert sorted([lost, found] * 2) == sorted(event["event"] for event in events)


async def test_what_nobody_invalidated_stays(redis_url: str) -> None:
    """After a lost connection an entry whose generations are still the same is a hit again, without a load."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as reader, own_client(redis_url) as redis:
        await body(reader, origin)
        await reader.cache.settle()
        await cut_off(redis)
        await until(lambda: not is_listening(reader.cache))
        await until(lambda: is_listening(reader.cache))
        for _ in range(3):
            assert (Outcome.MEMORY_HIT, b"load 1") == await body(reader, origin)


async def test_a_silent_connection_is_given_up(own_redis: StartRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes, not even an answer to a ping, the listener reconnects until it hears something."""
    monkeypatch.setattr(notices, "BEAT_S", 0.05)
    # Longer than a busy machine holds up a Redis that has nothing to do.
    monkeypatch.setattr(notices, "SIGN_MAX_S", 0.7)
    # What else it asks of a frozen Redis it would wait for.
    monkeypatch.setattr(notices, "_ROLE_AFTER_S", 60)
    server = own_redis()
    async with process(server.url()) as one:
        await asyncio.sleep(1.5)
        assert is_listening(one.cache)
        server.pause()
        await until(lambda: not is_listening(one.cache))
        server.resume()
        await until(lambda: is_listening(one.cache))


async def test_a_restarted_and_empty_redis_changes_nothing(own_redis: StartRedis) -> None:
    """A write while Redis is down, and a Redis that knows nothing afterwards: the old value is not fresh again."""
    clock, origin = StillClock(), Origin("old")
    server = own_redis()
    async with process(server.url(), clock) as reader, process(server.url(), clock) as writer:
        for one in (reader, writer):
            await body(one, origin)
            await one.cache.settle()
        server.kill()
        await until(lambda: not is_listening(reader.cache))
        origin.written = "new"
        clock.now_s += 1
        await writer.cache.invalidate(TAGS)
        clock.now_s += 1
        assert (Outcome.MISS, b"new") == await body(writer, origin)
        assert (Outcome.STALE, b"old") == await body(reader, origin)  # it has heard nothing for two seconds
        server.start()
        await until(lambda: is_listening(reader.cache) and is_listening(writer.cache))
        assert await writer.cache.settle()
        for _ in range(3):
            outcome, read = await body(reader, origin)
            assert (outcome, read) not in ((Outcome.MEMORY_HIT, b"old"), (Outcome.REDIS_HIT, b"old"))
            await until(lambda: "in_flight=0" in repr(reader.cache))
        assert (Outcome.MEMORY_HIT, b"new") == await body(reader, origin)


async def test_garbage_on_the_channel_makes_nothing_fresh(redis_url: str) -> None:
    """What nobody can read may have been a notice: entries are checked with Redis, and stay where they are current."""
    clock, origin = StillClock(), Origin()
    async with process(redis_url, clock) as one:
        await body(one, origin)
        await one.cache.settle()
        for garbage in (b"", b"hello", b"[]", b'{"from":"x"}', b'{"from":"x","tags":7}', b"\xff"):
            await send_notice(one, garbage)
            assert (Outcome.MEMORY_HIT, b"load 1") == await body(one, origin)


async def test_writes_without_redis_are_sent_when_it_is_back(own_redis: StartRedis) -> None:
    """However many tags add up meanwhile, the others hear of them; so many at once are sent as one."""
    server = own_redis()
    clock, origin = StillClock(), Origin()
    async with process(server.url(), clock) as writer, process(server.url(), clock) as reader:
        await body(reader, origin)
        await reader.cache.settle()
        server.pause()
        await writer.cache.invalidate([f"product/{number}" for number in range(10_001)])
        assert "<InvalidationSender unsent=1 sending=True " in repr(writer.cache)
        server.resume()
        assert await writer.cache.settle()
        await until(lambda: epoch_of(reader.cache) > 1)
        outcome, _ = await body(reader, origin)
        assert Outcome.STALE is outcome
