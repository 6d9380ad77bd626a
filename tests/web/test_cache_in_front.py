"""A real HTTP cache before the service (nginx) does with our answers what their headers are meant to make it do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from structlog.typing import EventDict

from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.web import keys
from tests.servers import NginxServer
from tests.servers.process import free_port
from tests.support.kept_connection import KeptConnection, ask_kept
from tests.support.lateness import lateness
from tests.support.log_lines import logged
from tests.support.products import PRODUCTS, catalogue, product
from tests.support.raw_requests import Answer, max_age_s
from tests.support.service import Service, fill, serving, settings_for
from tests.web.test_negotiation import DECODERS

pytestmark = pytest.mark.proof

# Nothing here but who is behind, where copies are kept, and that 304s, updates behind and stale copies are wanted: for
# how long is the service's to say. nginx tells what it did in a header of its own.
_HTTP = "proxy_cache_path copies keys_zone=copies:1m max_size=32m inactive=10m;"
_SERVER = """
location / {{
  proxy_pass http://127.0.0.1:{port};
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_connect_timeout 2s;
  proxy_cache copies;
  proxy_cache_revalidate on;
  proxy_cache_background_update on;
  proxy_cache_lock on;
  add_header X-Cache $upstream_cache_status always;
}}
"""
PAGE = "/products?limit=30"
TTL_S, STALE_S = 2, 3


class Front(NamedTuple):
    """A service with the cache before it.

    port: of the cache. behind: that of the service which the cache asks. log: what the service tells of its answers.
    """

    service: Service
    url: str
    port: int
    behind: int
    log: list[EventDict]

    @property
    def asked(self) -> list[int]:
        """The status of each answer that the service gave so far."""
        return [event["status"] for event in self.log if event["event"] == "answered" and event["route"] != "/livez"]

    async def get(self, target: str, headers: str = "", *, method: str = "GET") -> tuple[str, Answer]:
        """What the cache says that it did, and its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            answer = await KeptConnection(reader, writer).ask(target, headers=headers, method=method)
        finally:
            writer.close()
        return answer.headers.get("X-Cache", ""), answer


@asynccontextmanager
async def cached(folder: Path, **settings: Any) -> AsyncIterator[Front]:
    """A service behind nginx, until the block ends. Its entries live equally long."""
    url = await catalogue(folder)
    given = settings_for(url, access_log="on", **settings)
    with logged() as log:
        async with serving(given) as service:
            service.app[keys.CACHE]._lifetime = Lifetime(given.cache_ttl_s, given.stale_s, draw=lambda: 0.5)
            # A port that nobody's connection can take while the service does not listen on it.
            behind = free_port()
            await web.TCPSite(service.runner, "127.0.0.1", behind).start()
            server = NginxServer(_SERVER.format(port=behind), http=_HTTP)
            await asyncio.to_thread(server.start)
            try:
                yield Front(service, url, server.port, behind, log)
            finally:
                await asyncio.to_thread(server.close)


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def front(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Front]:
    """A service whose pages are fresh for two seconds, and stale for three."""
    async with cached(tmp_path, hot_path=request.param, cache_ttl_s=TTL_S, stale_s=STALE_S) as running:
        yield running


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def long_lived(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Front]:
    """A service whose pages are fresh for an hour."""
    async with cached(tmp_path, hot_path=request.param, cache_ttl_s=3600) as running:
        yield running


async def until_done(front: Front, target: str, *wanted: str) -> Answer:
    """The first answer for which the cache did one of `wanted`."""
    async with asyncio.timeout(10):
        while True:
            done, answer = await front.get(target)
            if done in wanted:
                return answer
            await asyncio.sleep(0.05)


async def test_a_fresh_page_is_asked_for_once(long_lived: Front) -> None:
    """The cache keeps it by our `Cache-Control`, and answers GET, HEAD and revalidation by itself."""
    done, page = await long_lived.get(PAGE)
    assert ("MISS", 200) == (done, page.status)
    for _ in range(5):
        done, again = await long_lived.get(PAGE)
        assert ("HIT", page.body, page.headers["ETag"]) == (done, again.body, again.headers["ETag"])
    done, same = await long_lived.get(PAGE, f"If-None-Match: {page.headers['ETag']}\r\n")
    assert ("HIT", 304, b"") == (done, same.status, same.body)
    done, other = await long_lived.get(PAGE, 'If-None-Match: "x"\r\n')
    assert ("HIT", 200, page.body) == (done, other.status, other.body)
    done, head = await long_lived.get(PAGE, method="HEAD")
    assert ("HIT", page.headers["Content-Length"], b"") == (done, head.headers["Content-Length"], head.body)
    assert [200] == long_lived.asked


async def test_codings_are_kept_apart(long_lived: Front) -> None:
    """By `Vary`: each client gets a form that it can read, and each form is asked for once."""
    _, plain = await long_lived.get(PAGE)
    for _ in range(2):
        for coding, decode in DECODERS.items():
            _, coded = await long_lived.get(PAGE, f"Accept-Encoding: {coding}\r\n")
            assert (coding, plain.body) == (coded.headers["Content-Encoding"], decode(coded.body))
        _, again = await long_lived.get(PAGE)
        assert ("Content-Encoding" not in again.headers, plain.body) == (True, again.body)
    assert [200] * 4 == long_lived.asked
    _, gzipped = await long_lived.get(PAGE, "Accept-Encoding: gzip\r\n")
    sent = f"Accept-Encoding: gzip\r\nIf-None-Match: {gzipped.headers['ETag']}\r\n"
    assert 304 == (await long_lived.get(PAGE, sent))[1].status
    assert [200] * 4 == long_lived.asked


@pytest.mark.parametrize(
    ("target", "status"),
    [("/products?limit=0", 400), ("/products/999999", 404), ("/auth/token", 403), ("/nothing", 404)],
)
async def test_problems_are_not_kept(long_lived: Front, target: str, status: int) -> None:
    """Each is the service's own answer to this request."""
    for _ in range(3):
        done, answer = await long_lived.get(target)
        assert (True, status) == (done in ("MISS", "EXPIRED"), answer.status)
    assert [status] * 3 == long_lived.asked


async def test_health_is_not_kept(long_lived: Front) -> None:
    """What is true of the moment alone is never a hit."""
    for target in ("/livez", "/readyz", "/metrics"):
        for _ in range(2):
            done, answer = await long_lived.get(target)
            assert ("MISS", 200) == (done, answer.status)


@pytest.mark.parametrize("hot_path", ["on", "off"])
async def test_an_expired_page_is_revalidated(tmp_path: Path, hot_path: str) -> None:
    """With our `ETag`: the service says that nothing changed, and sends no body."""
    async with cached(tmp_path, hot_path=hot_path, cache_ttl_s=TTL_S, stale_s=0) as front:
        for coding in ("", "Accept-Encoding: br\r\n"):
            # Loaded now: the cache keeps what has a second left.
            front.service.app[keys.CACHE]._memory.clear()
            _, page = await front.get(PAGE, coding)
            await asyncio.sleep(TTL_S + 1)
            done, again = await front.get(PAGE, coding)
            assert ("REVALIDATED", 200) == (done, again.status)
            assert (page.body, page.headers["ETag"]) == (again.body, again.headers["ETag"])
            assert 304 == front.asked[-1]


async def test_a_stale_page_is_served_while_it_is_revalidated(front: Front) -> None:
    """As `stale-while-revalidate` says: nobody waits, and behind the answer the page is made fresh."""
    _, page = await front.get(PAGE)
    stale = await until_done(front, PAGE, "STALE", "UPDATING")
    assert (200, page.body) == (stale.status, stale.body)
    fresh = await until_done(front, PAGE, "HIT")
    assert page.body == fresh.body
    assert (200, True) == (front.asked[0], 304 in front.asked[1:])


async def test_a_changed_page_replaces_the_stale_one(front: Front) -> None:
    """After a write, the cache has the new page once its own time for the old one is over."""
    _, page = await front.get("/products?limit=1")
    await fill(front.url, [product(PRODUCTS + 1)._replace(created_at="2026-11-30T10:15:00Z")])
    await front.service.app[keys.CACHE].invalidate([EVERYTHING])
    async with asyncio.timeout(TTL_S + STALE_S + 10):
        while (changed := (await front.get("/products?limit=1"))[1]).body == page.body:  # noqa: ASYNC110 - nginx tells nobody
            await asyncio.sleep(0.1)
    assert (200, f"Crop {PRODUCTS + 1:03d}") == (changed.status, changed.json()["data"][0]["name"])
    assert page.headers["ETag"] != changed.headers["ETag"]


async def test_a_stale_page_is_served_while_the_service_is_away(front: Front) -> None:
    """As `stale-if-error` says, and not past its time; then the service comes back, and so does its page."""
    loop = asyncio.get_running_loop()
    async with lateness() as late, asyncio.timeout(30):
        _, page = await front.get(PAGE)
        got_at = last_served = loop.time()
        for site in list(front.service.runner.sites):
            await site.stop()
        while (await front.get(PAGE))[1].status == 200:
            last_served = loop.time()
            await asyncio.sleep(0.1)
    # nginx counts in whole seconds.
    assert STALE_S - 1 - late.allowed_s < last_served - got_at < TTL_S + STALE_S + 3 + late.allowed_s, late
    assert 502 == (await front.get(PAGE))[1].status
    await web.TCPSite(front.service.runner, "127.0.0.1", front.behind).start()
    again = await until_done(front, PAGE, "HIT")
    assert (200, page.body) == (again.status, again.body)


async def test_a_page_says_what_is_left_of_it(long_lived: Front) -> None:
    """What the cache gets later than we loaded it lives for less, and nobody has to count an `Age`."""
    await ask_kept(long_lived.service.port, PAGE)
    await asyncio.sleep(2)
    done, page = await long_lived.get(PAGE)
    assert ("MISS", True) == (done, 3500 < max_age_s(page) <= 3598)
    done, again = await long_lived.get(PAGE)
    assert ("HIT", max_age_s(page)) == (done, max_age_s(again))
    assert not {"Age"} & (set(page.headers) | set(again.headers))
