"""The service with `FARMLOKAL_L1_BYTES=0`: the same answers, each of them from Redis."""

import gzip
from pathlib import Path

from farmlokal.caching.lookup import Outcome
from farmlokal.web import keys
from tests.support.kept_connection import kept_connection
from tests.support.products import catalogue
from tests.support.service import serving, settings_for

TARGETS = ["/products?limit=7", "/products?category=fruits&limit=3", "/products/1"]
# A busy machine may be slow to answer without being away.
REDIS_WAIT_MS = 3000


async def test_pages_are_answered_from_redis(tmp_path: Path, redis_url: str) -> None:
    """What a service with memory says is what this one says, from the second time on with `detail=redis`."""
    url = await catalogue(tmp_path)
    usual = settings_for(url)
    without = settings_for(url, redis_url=redis_url, redis_wait_ms=REDIS_WAIT_MS, l1_bytes=0)
    async with serving(usual) as reference, serving(without) as service:
        async with kept_connection(reference.port) as connection:
            expected = [await connection.ask(target) for target in TARGETS]
        cache = service.app[keys.CACHE]
        async with kept_connection(service.port) as connection:
            for expected_status in ("fwd=miss", "detail=redis", "detail=redis"):
                answers = [await connection.ask(target) for target in TARGETS]
                await cache.settle()
                for one, other in zip(expected, answers, strict=True):
                    assert (200, one.body, one.headers["ETag"]) == (other.status, other.body, other.headers["ETag"])
                    assert expected_status in other.headers["Cache-Status"]
            assert 2 * len(TARGETS) == cache.counts.answers(Outcome.REDIS_HIT)
            assert 0 == cache.counts.answers(Outcome.MEMORY_HIT)
            assert 6 == service.app[keys.REQUEST_COUNTS].hot_path_answers
            etag = expected[0].headers["ETag"]
            again = await connection.ask(TARGETS[0], headers=f"If-None-Match: {etag}\r\n")
            coded = await connection.ask(TARGETS[0], headers="Accept-Encoding: gzip\r\n")
        assert (304, b"") == (again.status, again.body)
        assert (200, expected[0].body) == (coded.status, gzip.decompress(coded.body))
        assert "entries=0 bytes=0/0" in repr(cache)


async def test_without_redis_every_answer_is_a_load(tmp_path: Path) -> None:
    """It works, and each page is read from the database each time."""
    async with (
        serving(settings_for(await catalogue(tmp_path), l1_bytes=0)) as service,
        kept_connection(service.port) as connection,
    ):
        answers = [await connection.ask("/products?limit=7") for _ in range(3)]
        assert ["farmlokal; fwd=miss; stored"] * 3 == [answer.headers["Cache-Status"] for answer in answers]
        assert 1 == len({answer.body for answer in answers})
