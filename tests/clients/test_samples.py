"""What the samples in deploy/caches set, beside what is there by default, is needed: without it, the harm shows."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from farmlokal.web.edge import middleware
from tests.clients import habits
from tests.clients.asking import GZIP, ProxyAsker, askers, proxy_session
from tests.clients.habits import Lives
from tests.clients.origin import Origin, lose_the_database, origin
from tests.servers.cache_proxies import ApacheServer, CacheProxy, HAProxyServer, NginxCache, VarnishServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.proof

PAGE = "/products?sort=name&limit=30"
LIVES = habits.OF_OUTAGES


class Stand(NamedTuple):
    """A client behind a proxy, and the service behind that."""

    asker: ProxyAsker
    service: Origin


@asynccontextmanager
async def behind(
    folder: Path, kind: type[CacheProxy | NginxCache], left_out: str, *, instead: str = "", lives: Lives = LIVES
) -> AsyncIterator[Stand]:
    """A client behind a proxy in whose sample something else stands for what matches `left_out`."""

    class Changed(kind):  # type: ignore[misc, valid-type]
        """The proxy without a part of its sample."""

        def configuration(self) -> str:
            """See CacheProxy.configuration."""
            whole = super().configuration()
            changed = re.sub(left_out, instead, whole)
            assert changed != whole
            return changed

    async with (
        origin(folder, cache_ttl_s=lives.ttl_s, stale_s=lives.stale_s, l1_bytes=0) as service,
        proxy_session() as session,
    ):
        proxy = Changed(service.service.port)
        try:
            await asyncio.to_thread(proxy.start)
            yield Stand(ProxyAsker(session, proxy.base_url), service)
        finally:
            await asyncio.to_thread(proxy.close)


async def test_varnish_fetches_a_copy_anew_that_is_over(tmp_path: Path) -> None:
    """Unless it is told to keep what it would ask about past its grace."""
    lives = Lives(4, 0)
    async with behind(tmp_path, VarnishServer, "set beresp.keep = 5m;", lives=lives) as (asker, service):
        assert habits.FETCHES == await habits.over(asker, PAGE, service, lives)


@pytest.mark.parametrize("asks_by_tag", [False, True])
async def test_nginx_gives_a_copy_no_second_life(asks_by_tag: bool) -> None:
    """Unless it asks about it by its tag, and is told that the copy is the same and that no time is left of it."""
    asked_by: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        tag = request.headers.get("If-None-Match")
        asked_by.append(tag)
        left_s = 4 if len(asked_by) == 1 else 0
        headers = {"ETag": '"a"', "Cache-Control": f"public, max-age={left_s}"}
        return web.Response(status=200 if tag is None else 304, headers=headers)

    class Asking(NginxCache):
        """The sample, with what it leaves out."""

        def configuration(self) -> str:
            return super().configuration().replace("proxy_cache_lock on;", "proxy_cache_revalidate on;")

    app = web.Application()
    app.router.add_get("/page", answer)
    async with TestServer(app, host="127.0.0.1") as service, proxy_session() as session:
        assert service.port is not None
        proxy = (Asking if asks_by_tag else NginxCache)(service.port)
        try:
            await asyncio.to_thread(proxy.start)
            asker = ProxyAsker(session, proxy.base_url)

            async def ask_again() -> int:
                assert 200 == (await asker.get("/page", {})).status
                return len(asked_by)

            assert [1, 1] == [await ask_again(), await ask_again()]
            await eventually(ask_again, lambda times: times == 2)  # the copy's time is over
            kept = await ask_again() == 2
            assert asks_by_tag == kept
        finally:
            await asyncio.to_thread(proxy.close)
    assert ({None, '"a"'} if asks_by_tag else {None}) == set(asked_by)


async def test_haproxy_keeps_nothing_with_vary(tmp_path: Path) -> None:
    """Unless it is told to process that."""
    async with behind(tmp_path, HAProxyServer, "process-vary on") as (asker, service):
        for _ in range(3):
            await asker.get(PAGE, {})
        assert [200] * 3 == service.statuses(PAGE)


async def test_haproxy_hands_zstd_to_who_named_no_coding(tmp_path: Path) -> None:
    """Unless it asks the service for nothing but what it can keep apart."""
    async with behind(tmp_path, HAProxyServer, r"http-request set-header Accept-Encoding \S+.*") as (asker, _):
        coded = await asker.get(PAGE, {"Accept-Encoding": "zstd"})
        plain = await asker.get(PAGE, {})
        assert ("zstd", "zstd") == (coded.headers["Content-Encoding"], plain.headers["Content-Encoding"])
        assert habits.MIXED == await habits.codings(asker, "/products?sort=name&limit=31")


async def test_varnish_weakens_the_tag_of_what_it_unpacks(tmp_path: Path) -> None:
    """Unless it is told to leave codings alone: a client that takes none has the tag of the gzip form, made weak."""
    async with behind(tmp_path, VarnishServer, r"`-p \S+`") as (asker, _):
        page = await asker.get(PAGE, {})
        assert re.fullmatch(r'W/"[0-9a-f]{32}-gzip"', page.headers["ETag"])


async def test_varnish_ends_its_grace_on_a_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless what is fetched behind an answer is given up when it is an error: else that takes the copy's place."""
    async with behind(tmp_path, VarnishServer, r"if \(bereq\.is_bgfetch[^}]*\}") as (asker, _):
        primed = await asker.get(PAGE, {})

        lose_the_database(monkeypatch)
        async with asyncio.timeout(60):
            while (await asker.get(PAGE, {})).status == 200:  # noqa: ASYNC110 - Varnish tells nobody
                await asyncio.sleep(0.1)
        earliest_s, _ = LIVES.told_s
        assert time.monotonic() - primed.ended_s < earliest_s


async def test_apache_can_be_told_to_hand_errors_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, it goes on with its copy without end."""
    async with behind(tmp_path, ApacheServer, "CacheLock on", instead="CacheStaleOnError off") as (asker, _):
        primed = await asker.get(PAGE, GZIP)
        lose_the_database(monkeypatch)
        assert habits.NOT_AT_ALL == await habits.bridges(asker, PAGE, primed, LIVES)


async def test_no_store_on_an_error_costs_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our 5xx had if they were as errors mostly are: two clients would hand on what they now bridge."""
    monkeypatch.setattr(middleware, "spare_copies", lambda *_: None)
    async with (
        origin(tmp_path, cache_ttl_s=LIVES.ttl_s, stale_s=LIVES.stale_s, l1_bytes=0) as service,
        askers(service.service.port, tmp_path) as every,
    ):
        asked = {name: every[name] for name in ("undici", "make-fetch-happen", "got")}
        primed = [await asker.get(PAGE, GZIP) for asker in asked.values()]
        lose_the_database(monkeypatch)
        bridging = (
            habits.bridges(asker, PAGE, reading, LIVES) for asker, reading in zip(asked.values(), primed, strict=True)
        )
        seen = dict(zip(asked, await asyncio.gather(*bridging), strict=True))
    assert {"undici": habits.NOT_AT_ALL, "make-fetch-happen": habits.NOT_AT_ALL, "got": habits.AS_TOLD} == seen
