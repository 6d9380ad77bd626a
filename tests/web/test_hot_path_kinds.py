"""The hot path answers what the full path answers also where pages come from Redis, and where they are stale."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from farmlokal.caching.lookup import Outcome
from farmlokal.web import keys
from tests.support.kept_connection import kept_connection
from tests.support.service import Service
from tests.web.conversations import COMMON, QUERIES, TARGETS, conversations
from tests.web.first_requests import HELD, LATE, make_tasks_late
from tests.web.two_paths import Paths, both, two_paths
from tests.web.watched_store import watch_store

PLENTY = "default=1000000/minute"
# A busy machine may be slow to answer without being away.
REDIS_WAIT_MS = 3000


async def ask_for_all(service: Service) -> None:
    """Have everything that conversations ask for in the cache."""
    async with kept_connection(service.port) as connection:
        for target in TARGETS:
            if target.startswith("/") and "#" not in target:
                await connection.ask(target)
    await service.app[keys.CACHE].settle()


@pytest.fixture
async def from_redis(tmp_path: Path, redis_url: str) -> AsyncIterator[Paths]:
    """Both services without a first tier, and in Redis everything that they are asked for."""
    async with two_paths(
        tmp_path,
        redis_url=redis_url,
        redis_wait_ms=REDIS_WAIT_MS,
        l1_bytes=0,
        rate_limit=PLENTY,
        cors_origins="https://shop.example",
    ) as running:
        for service in running:
            await ask_for_all(service)
        yield running
        for service in running:
            assert service.app[keys.CACHE].counts.answers(Outcome.REDIS_HIT) > len(QUERIES)
        assert running.hot.app[keys.REQUEST_COUNTS].hot_path_answers > len(QUERIES)


@pytest.fixture
def late(from_redis: Paths, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Paths:
    """The same, where connections are there before the task that waits for their requests."""
    make_tasks_late(monkeypatch, getattr(request, "param", HELD))
    return from_redis


@pytest.fixture
async def stale(tmp_path: Path) -> AsyncIterator[Paths]:
    """Both services with stale pages in memory, whose refresh does not end."""
    async with two_paths(tmp_path, rate_limit=PLENTY, cors_origins="https://shop.example") as running:
        gate = asyncio.Event()
        for service in running:
            await ask_for_all(service)
            memory = service.app[keys.CACHE]._memory
            for key in [key for key in (*memory._small, *memory._main) if key.startswith("products?")]:
                entry = memory.peek(key)
                assert entry is not None
                entry.hit_valid_until = entry.fresh_until = entry.loaded_at
            watch_store(service.app).gate = gate
        yield running
        gate.set()
        for service in running:
            assert service.app[keys.CACHE].counts.answers(Outcome.STALE) > 0
        assert running.hot.app[keys.REQUEST_COUNTS].hot_path_answers > len(QUERIES)


@settings(max_examples=60, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same_of_what_redis_holds(from_redis: Paths, pieces: list[bytes]) -> None:
    """Requests of every kind, none of which memory can answer."""
    hot, full = await both(from_redis, pieces)
    assert full == hot


@settings(max_examples=60, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same_of_what_is_stale(stale: Paths, pieces: list[bytes]) -> None:
    """Requests of every kind, for pages that are served while they wait to be refreshed."""
    hot, full = await both(stale, pieces)
    assert full == hot


@settings(max_examples=40, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same_to_who_asks_at_once(late: Paths, pieces: list[bytes]) -> None:
    """Requests of every kind that are there before aiohttp's task."""
    hot, full = await both(late, pieces, at_once=True)
    assert full == hot


@pytest.mark.proof
@pytest.mark.timeout(600)
@settings(max_examples=1500, **COMMON)
@given(pieces=conversations())
@pytest.mark.parametrize("late", LATE, indirect=True)
async def test_both_paths_say_the_same_to_who_asks_at_once_many_times(late: Paths, pieces: list[bytes]) -> None:
    """The same with some four thousand requests."""
    hot, full = await both(late, pieces, at_once=True)
    assert full == hot


@pytest.mark.proof
@pytest.mark.timeout(600)
@settings(max_examples=1500, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same_of_what_redis_holds_many_times(from_redis: Paths, pieces: list[bytes]) -> None:
    """The same with some four thousand requests."""
    hot, full = await both(from_redis, pieces)
    assert full == hot


@pytest.mark.proof
@pytest.mark.timeout(600)
@settings(max_examples=1500, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same_of_what_is_stale_many_times(stale: Paths, pieces: list[bytes]) -> None:
    """The same with some four thousand requests."""
    hot, full = await both(stale, pieces)
    assert full == hot
