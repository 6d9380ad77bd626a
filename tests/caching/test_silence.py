"""A process that hears nothing of the others: what it has may be old, and soon is not called fresh any more."""

import math

import pytest

from farmlokal.caching.entry import Entry
from farmlokal.caching.lookup import Outcome
from farmlokal.caching.tag_history import HEARD_S, Standing, TagHistory
from farmlokal.caching.value import Value
from tests.support.cache import Origin, Process, asked, is_listening, process, until_heard
from tests.support.clock import StillClock
from tests.support.own_servers import StartRedis
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import eventually, until

TAGS = ("products",)


async def page(one: Process, origin: Origin) -> tuple[bytes, bool]:
    """What the next caller gets, and whether it is called fresh."""
    lookup = await asked(one.cache, "page", origin, TAGS)
    return lookup.value.body, lookup.fresh


@pytest.mark.parametrize("guarded", [False, True])
async def test_what_nobody_can_have_heard_of_is_not_called_fresh(
    own_redis: StartRedis, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Packets between one process and Redis vanish: without the guard the old page is fresh for its fresh time."""
    if not guarded:
        monkeypatch.setattr(TagHistory, "current_until", lambda *_: math.inf)
    server, clock, origin = own_redis(), StillClock(), Origin("old")
    async with (
        tcp_proxy(server.port) as proxy,
        process(f"redis://127.0.0.1:{proxy.port}/0", clock, wait_max_s=0.1) as cut_off,
        process(server.url(), clock) as writer,
    ):
        await page(cut_off, origin)
        await until_heard(cut_off)
        proxy.swallow()
        origin.written = "new"
        await writer.cache.invalidate(TAGS)
        assert await writer.cache.settle()
        clock.now_s += HEARD_S - 0.01
        assert (b"old", True) == await page(cut_off, origin)
        clock.now_s += 0.01
        assert (b"old", not guarded) == await page(cut_off, origin)
        if not guarded:
            clock.now_s += 20
            assert (b"old", True) == await page(cut_off, origin)
            return
        assert 1 == origin.loads  # the page is within its fresh time: it is not loaded for that
        await until(lambda: not is_listening(cut_off.cache))
        await eventually(lambda: asked(cut_off.cache, "page", origin, TAGS), lambda _: cut_off.tier.away)
        found = cut_off.cache.peek(cut_off.cache.question("page", origin, TAGS))  # Redis is not even asked
        assert found is not None
        assert Outcome.STALE is found.outcome
        proxy.pass_on()
        await eventually(lambda: page(cut_off, origin), lambda found: found == (b"new", True))


async def test_without_notices_redis_confirms(own_redis: StartRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where commands are answered and no notices come, a page is a hit, and Redis is asked once in that time."""
    server, clock, origin = own_redis(), StillClock(), Origin()
    async with process(server.url(), clock, listening=False) as one:
        one.cache._history.heard(-math.inf)
        assert (b"load 1", True) == await page(one, origin)
        await one.cache.settle()
        question = one.cache.question("page", origin, TAGS)
        for _ in range(3):
            assert one.cache.peek(question) is not None
            clock.now_s += HEARD_S
            assert one.cache.peek(question) is None
            assert (b"load 1", True) == await page(one, origin)
        assert 1 == origin.loads


def test_an_answer_counts_from_its_question() -> None:
    """However late this process was to read it: what was sent since the question may still be on its way."""
    clock = StillClock()
    history = TagHistory(clock)
    entry = Entry(Value(b""), clock(), clock() + 30, clock() + 60, epoch=0)
    asked_at = clock()
    history.heard(-math.inf)
    assert Standing.UNKNOWN is history.standing(entry)
    clock.now_s += 3
    history.heard(asked_at)
    assert Standing.UNKNOWN is history.standing(entry)
    history.heard(clock())
    assert Standing.VALID is history.standing(entry)
