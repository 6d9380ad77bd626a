"""Writes that may yet take effect: until that is decided nothing that they touch is called fresh for long."""

import asyncio
import time

import pytest

from farmlokal.caching import invalidation
from farmlokal.caching.read_through import ReadThrough
from tests.support.cache import Origin, asked, cache_with
from tests.support.waiting import until

TAGS = ("products",)


def is_fresh(cache: ReadThrough) -> bool:
    """Whether memory has the page as fresh."""
    found = cache.peek(cache.question("page", Origin(), TAGS))
    return found is not None and found.fresh


async def test_what_is_loaded_meanwhile_is_not_fresh_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again; and once more when it is decided, for what was loaded before that is old."""
    monkeypatch.setattr(invalidation, "_DOUBT_S", 0.05)
    cache = cache_with(clock=time.time)
    origin = Origin("old")
    decided = asyncio.Event()
    await cache.invalidate(TAGS, until=decided)
    for _ in range(3):
        assert (await asked(cache, "page", origin, TAGS)).fresh
        await until(lambda: not is_fresh(cache))
    monkeypatch.setattr(invalidation, "_DOUBT_S", 60)
    await asked(cache, "page", origin, TAGS)
    await until(lambda: not is_fresh(cache))  # the last round with the short wait
    assert (await asked(cache, "page", origin, TAGS)).fresh
    origin.written = "new"
    decided.set()
    await until(lambda: "doubts=0" in repr(cache))
    lookup = await asked(cache, "page", origin, TAGS)
    assert (b"new", True) == (lookup.value.body, lookup.fresh)
    await cache.close()


async def test_a_process_that_ends_leaves_no_doubtful_page() -> None:
    """What is not decided when the cache is closed is invalidated a last time."""
    cache = cache_with(clock=time.time)
    await cache.invalidate(TAGS, until=asyncio.Event())
    assert (await asked(cache, "page", Origin("old"), TAGS)).fresh
    await cache.close()
    assert not is_fresh(cache)
    assert "doubts=0" in repr(cache)
