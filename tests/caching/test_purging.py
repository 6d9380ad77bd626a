"""What the service's pages depend on, and how an operator or a command says that they are old."""

import asyncio
import os
import re
import sys
import time
from pathlib import Path

import pytest

from farmlokal.app.command_invalidation import send_invalidation
from farmlokal.caching.invalidation import InvalidationSender
from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.tag_history import TagHistory
from farmlokal.caching.value import Value
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.records import Deletion
from farmlokal.catalog.tags import page_tags, touched
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.identity import read_identity
from farmlokal.database.unheard_tags import UnheardTags
from farmlokal.errors import Unavailable
from farmlokal.settings import Settings
from farmlokal.web import keys
from farmlokal.web.answers.representation import Freshness
from tests.caching.hanging import HangingTier
from tests.catalog.questions import where
from tests.support.cache import asked, epoch_of, is_listening
from tests.support.own_servers import StartRedis
from tests.support.products import catalogue
from tests.support.raw_requests import ask
from tests.support.redis_names import IDENTITY
from tests.support.service import SECRET_KEY, Service, open_database, serving, settings_for, sqlite_url
from tests.support.waiting import until

PAGES = ("/products", "/products?category=fruits", "/products?category=milk,eggs", "/products/1")
ROOT = Path(__file__).parents[2]


async def standing(service: Service) -> list[str]:
    """How each page is answered: from memory, as stale, or anew."""
    said = [(await ask(service.port, page)).headers["Cache-Status"] for page in PAGES]
    # Refreshes begin one after the other: between two of them nothing is in flight either.
    shown = ("<SingleFlight in_flight=0>", "<RefreshTurns waiting=0>")
    await until(lambda: all(one in repr(service.app[keys.CACHE]) for one in shown))
    return [re.sub(r"ttl=\d+", "ttl", line.removeprefix("farmlokal; ")) for line in said]


MEMORY, STALE, MISS = "hit; ttl; detail=memory", "hit; ttl=-1", "fwd=miss; stored"


async def purged(service: Service, settings: Settings, tags: set[str]) -> list[str]:
    """How each page is answered after a purge from outside."""
    before = epoch_of(service.app[keys.CACHE])
    async with open_database(settings.database_url) as database:
        await send_invalidation(settings, database, await read_identity(database), tags)
    await until(lambda: epoch_of(service.app[keys.CACHE]) > before)
    return await standing(service)


async def test_a_purge_reaches_what_carries_the_tag(tmp_path: Path, redis_url: str) -> None:
    """Each page is stale after a purge of what it depends on, is loaded anew behind, and is otherwise left alone."""
    settings = settings_for(await catalogue(tmp_path), redis_url=redis_url, redis_wait_ms=3000)
    async with serving(settings) as service:
        await until(lambda: is_listening(service.app[keys.CACHE]))
        assert [MISS] * 4 == await standing(service)
        assert [MEMORY] * 4 == await standing(service)
        assert [STALE, MEMORY, MEMORY, MEMORY] == await purged(service, settings, {"products"})
        assert [MEMORY] * 4 == await standing(service)
        assert [MEMORY, MEMORY, STALE, MEMORY] == await purged(service, settings, {"category/eggs", "product/2"})
        assert [MEMORY, STALE, MEMORY, STALE] == await purged(service, settings, {"category/fruits", "product/1"})
        assert [STALE] * 4 == await purged(service, settings, {"*"})
        assert [MEMORY] * 4 == await standing(service)


async def test_farmlokal_cache_purge(tmp_path: Path, redis_url: str) -> None:
    """The command makes what a running service has cached stale: everything, or what carries the tags named."""
    settings = settings_for(await catalogue(tmp_path), redis_url=redis_url, redis_wait_ms=3000)

    async def command(*arguments: str, **environment: str) -> tuple[int | None, str]:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "farmlokal", "cache", "purge", *arguments),
            cwd=tmp_path,
            env={name: text for name, text in os.environ.items() if not name.startswith("FARMLOKAL_")}
            | {"FARMLOKAL_SECRET_KEY": SECRET_KEY, "PYTHONPATH": str(ROOT)}
            | {"FARMLOKAL_DATABASE_URL": settings.database_url}
            | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await running.communicate()
        return running.returncode, said.decode()

    async with serving(settings) as service:
        await until(lambda: is_listening(service.app[keys.CACHE]))
        await standing(service)
        await standing(service)
        done = await command("--tag", "category/fruits", "--tag", "products", FARMLOKAL_REDIS_URL=redis_url)
        assert (0, "purged category/fruits, products\n") == done
        assert [STALE, STALE, MEMORY, MEMORY] == await standing(service)
        assert (0, "purged everything\n") == await command(FARMLOKAL_REDIS_URL=redis_url)
        assert [STALE] * 4 == await standing(service)
    assert (2, "farmlokal: FARMLOKAL_REDIS_URL is not set\n") == await command()


async def test_without_redis_there_is_nobody_to_tell(tmp_path: Path, own_redis: StartRedis) -> None:
    """No Redis configured: nothing happens. One that is away: it is left in the database, and no database: an error."""
    url, server = sqlite_url(tmp_path), own_redis()
    settings = settings_for(url, redis_url=server.url())
    async with open_database(url) as database:
        await send_invalidation(settings_for(url), database, IDENTITY, {"products"})
        server.kill()
        await send_invalidation(settings, database, IDENTITY, set())
        assert [] == await UnheardTags(database).read()
        await send_invalidation(settings, database, IDENTITY, {"products"}, wait_max_s=0.1)
        assert [{"products"}] == [tags for _, tags in await UnheardTags(database).read()]
        await database.run_script(["DROP TABLE unheard_tags"])
        with pytest.raises(Unavailable, match="the invalidation was not sent"):
            await send_invalidation(settings, database, IDENTITY, {"products"}, wait_max_s=0.1)


async def test_what_is_under_way_is_not_sent_yet() -> None:
    """A tier that does not answer holds an invalidation: whoever waits for it hears that it was not sent."""
    sender = InvalidationSender(HangingTier(), TagHistory(), clock=time.time)
    assert await sender.settle(0)
    sender.invalidate({"products"})
    assert not await sender.settle(0.01)
    await sender.close(0)


async def test_a_product_that_comes_and_goes(tmp_path: Path) -> None:
    """A 404 is remembered, and gives way to the product when that is written; and the other way round."""
    url = await catalogue(tmp_path)
    async with serving(settings_for(url)) as service, open_database(url) as database:
        writer = ProductWriter(database)
        cache = service.app[keys.CACHE]
        assert 200 == (await ask(service.port, "/products/7")).status
        await writer.apply([Deletion("test", "7", 2)])
        await cache.invalidate(touched(7, ["eggs"]))
        for _ in range(2):
            assert 404 == (await ask(service.port, "/products/7")).status
        assert (
            Outcome.NEGATIVE_HIT
            is (
                await asked(cache, "product/7", lambda: service.app[keys.LISTING].product(7), tags=("product/7",))
            ).outcome
        )


def test_what_a_page_depends_on() -> None:
    """A page of named categories on those alone, every other on the listing; a write touches old and new."""
    assert ("products",) == page_tags(ListingQuery(where(organic=True)))
    assert ("category/eggs", "category/milk") == page_tags(ListingQuery(where(category=["eggs", "milk"])))
    assert {"products", "product/7", "category/eggs", "category/milk"} == touched(7, ["eggs", "milk"])


@pytest.mark.parametrize(
    ("outcome", "fresh_s", "others", "status"),
    [
        (Outcome.MEMORY_HIT, 21.5, {}, "farmlokal; hit; ttl=21; detail=memory"),
        (Outcome.REDIS_HIT, 21.5, {}, "farmlokal; hit; ttl=21; detail=redis"),
        (Outcome.NEGATIVE_HIT, 2.5, {}, "farmlokal; hit; ttl=2; detail=memory"),
        (Outcome.STALE, -12.0, {}, "farmlokal; hit; ttl=-12"),
        (Outcome.STALE, 21.5, {}, "farmlokal; hit; ttl=-1"),
        (Outcome.STALE_ERROR, -12.0, {}, "farmlokal; fwd=stale; detail=origin-error"),
        (Outcome.MISS, 30.0, {}, "farmlokal; fwd=miss; stored"),
        (Outcome.MISS, 30.0, {"collapsed": True}, "farmlokal; fwd=miss; stored; collapsed"),
        (Outcome.MISS, 30.0, {"stored": False}, "farmlokal; fwd=miss"),
    ],
)
def test_cache_status_says_where_an_answer_came_from(
    outcome: Outcome, fresh_s: float, others: dict[str, bool], status: str
) -> None:
    """Every form of the contract; and what is not called fresh here is not fresh for any cache in between either."""
    now = 1000.0
    lookup = Lookup(Value(b""), loaded_at=now - 50, fresh_until=now + fresh_s, outcome=outcome, **others)
    headers = Freshness(300).headers(lookup, now)
    assert status == headers["Cache-Status"]
    found = re.match(r"public, max-age=(\d+),", headers["Cache-Control"])
    assert found is not None
    assert lookup.fresh == (int(found[1]) > 0)
