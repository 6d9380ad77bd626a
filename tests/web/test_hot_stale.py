"""Stale pages from memory below the handlers: said to be stale from the very next answer on."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from farmlokal.caching.lookup import Outcome
from farmlokal.web import keys
from farmlokal.web.hot import path
from tests.support.cache import Process, epoch_of, process
from tests.support.kept_connection import kept_connection
from tests.support.raw_requests import max_age_s
from tests.support.redis_names import identity_at
from tests.support.service import Service, sqlite_url
from tests.support.waiting import until
from tests.web.two_paths import LAST, Paths, both, two_paths
from tests.web.watched_store import watch_store

TARGET = "/products?limit=40"
FORMS = ["", "Accept-Encoding: gzip\r\n", "If-None-Match: *\r\n", "Origin: https://shop.example\r\n"]
# A busy machine may be slow to answer without being away.
REDIS_WAIT_MS = 3000


@asynccontextmanager
async def refreshes_held_up(*services: Service) -> AsyncIterator[None]:
    """No page is loaded before the end of the block."""
    gates = []
    for service in services:
        store = watch_store(service.app)
        store.gate = asyncio.Event()
        gates.append(store.gate)
    try:
        yield
    finally:
        for gate in gates:
            gate.set()


@pytest.fixture
async def paths(tmp_path: Path, redis_url: str) -> AsyncIterator[Paths]:
    """Both services, one Redis, and a site that may read."""
    async with two_paths(
        tmp_path, redis_url=redis_url, redis_wait_ms=REDIS_WAIT_MS, cors_origins="https://shop.example"
    ) as running:
        yield running


@pytest.fixture
async def writer(paths: Paths, tmp_path: Path, redis_url: str) -> AsyncIterator[Process]:
    """Another process of the same catalogue."""
    assert paths.hot.port
    identity = await identity_at(sqlite_url(tmp_path))
    async with process(redis_url, listening=False, identity=identity) as other:
        yield other


async def notify(writer: Process, *services: Service) -> None:
    """The writer changes everything, and all of the services hear of it."""
    caches = [service.app[keys.CACHE] for service in services]
    heard = [epoch_of(cache) for cache in caches]
    await writer.cache.invalidate(["*"])
    await until(lambda: all(epoch_of(cache) > before for cache, before in zip(caches, heard, strict=True)))


async def test_after_a_notice_the_next_answer_is_stale(
    paths: Paths, writer: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though in the same second, with the bytes for it ready; and all forms of it are answered below the handlers."""
    hot = paths.hot
    # The second stands still, so that what was made ready is good until the end of it.
    monkeypatch.setattr(path, "time", SimpleNamespace(time=lambda: 1_795_342_500.5, perf_counter=lambda: 0.0))
    async with kept_connection(hot.port) as connection:
        for form in FORMS * 2:
            await connection.ask(TARGET, headers=form)
        before = [await connection.ask(TARGET, headers=form) for form in FORMS]
        assert all("; detail=memory" in answer.headers["Cache-Status"] for answer in before)
        assert [3600] * len(FORMS) == [max_age_s(answer) for answer in before]
        async with refreshes_held_up(hot):
            requests, counts = hot.app[keys.REQUEST_COUNTS], hot.app[keys.CACHE].counts
            answered, stale = requests.hot_path_answers, counts.answers(Outcome.STALE)
            await notify(writer, hot)
            after = [await connection.ask(TARGET, headers=form) for form in FORMS]
            assert len(FORMS) == requests.hot_path_answers - answered
            assert len(FORMS) == counts.answers(Outcome.STALE) - stale
    for one, other in zip(before, after, strict=True):
        assert re.fullmatch(r"farmlokal; hit; ttl=-\d+", other.headers["Cache-Status"])
        assert 0 == max_age_s(other)
        assert (one.status, one.body, one.headers["ETag"]) == (other.status, other.body, other.headers["ETag"])


async def test_after_the_refresh_it_is_fresh_again(paths: Paths, writer: Process) -> None:
    """One load behind the stale answers; then hits from memory, below the handlers all the time."""
    hot = paths.hot
    store = watch_store(hot.app)
    async with kept_connection(hot.port) as connection:
        await connection.ask(TARGET)
        await notify(writer, hot)
        store.questions = 0
        assert "ttl=-" in (await connection.ask(TARGET)).headers["Cache-Status"]
        await until(lambda: "in_flight=0" in repr(hot.app[keys.CACHE]))
        answered = hot.app[keys.REQUEST_COUNTS].hot_path_answers
        assert "detail=memory" in (await connection.ask(TARGET)).headers["Cache-Status"]
        assert (1, answered + 1) == (store.questions, hot.app[keys.REQUEST_COUNTS].hot_path_answers)


async def test_both_paths_say_the_same_after_a_notice(paths: Paths, writer: Process) -> None:
    """Every header but the time and the request's name, in every form."""
    sent = [f"GET {TARGET} HTTP/1.1\r\nHost: test\r\n{form}\r\n".encode() for form in FORMS]
    await both(paths, [*sent, LAST])
    async with refreshes_held_up(*paths):
        await notify(writer, *paths)
        answered = paths.hot.app[keys.REQUEST_COUNTS].hot_path_answers
        hot, full = await both(paths, [*sent, LAST])
        assert answered + len(FORMS) == paths.hot.app[keys.REQUEST_COUNTS].hot_path_answers
    assert full == hot
    assert (len(FORMS), 0) == (hot.count(b"farmlokal; hit; ttl=-*"), hot.count(b"detail="))


async def test_a_stale_page_from_redis_says_so(paths: Paths, writer: Process) -> None:
    """A process whose memory has nothing serves what Redis has of a page that was changed, as stale."""
    sent = [f"GET {TARGET} HTTP/1.1\r\nHost: test\r\n\r\n".encode(), LAST]
    await both(paths, sent)
    async with refreshes_held_up(*paths):
        await notify(writer, *paths)
        for service in paths:
            service.app[keys.CACHE]._memory.clear()
        answered = paths.hot.app[keys.REQUEST_COUNTS].hot_path_answers
        hot, full = await both(paths, sent)
        assert answered + 1 == paths.hot.app[keys.REQUEST_COUNTS].hot_path_answers
    assert full == hot
    assert (1, 0) == (hot.count(b"farmlokal; hit; ttl=-*"), hot.count(b"detail="))
