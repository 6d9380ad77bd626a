"""What the samples in deploy/caches set, beside what is there by default, is needed: without it, the harm shows."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.errors import DatabaseUnavailable
from tests.clients import habits
from tests.clients.asking import ProxyAsker, proxy_session
from tests.clients.habits import Lives
from tests.clients.origin import origin
from tests.servers.cache_proxies import CacheProxy, HAProxyServer, VarnishServer

pytestmark = pytest.mark.proof

PAGE = "/products?sort=name&limit=30"
LIVES = Lives(2, 8)


@asynccontextmanager
async def behind(folder: Path, kind: type[CacheProxy], left_out: str) -> AsyncIterator[ProxyAsker]:
    """A client behind a proxy whose sample lacks what matches `left_out`."""

    class Reduced(kind):  # type: ignore[misc, valid-type]
        """The proxy without a part of its sample."""

        def configuration(self) -> str:
            """See CacheProxy.configuration."""
            whole = super().configuration()
            reduced = re.sub(left_out, "", whole)
            assert reduced != whole
            return reduced

    async with (
        origin(folder, cache_ttl_s=LIVES.ttl_s, stale_s=LIVES.stale_s, l1_bytes=0) as service,
        proxy_session() as session,
    ):
        proxy = Reduced(service.service.port)
        try:
            await asyncio.to_thread(proxy.start)
            yield ProxyAsker(session, proxy.base_url)
        finally:
            await asyncio.to_thread(proxy.close)


async def test_haproxy_hands_zstd_to_who_named_no_coding(tmp_path: Path) -> None:
    """Unless it asks the service for nothing but what it can keep apart."""
    async with behind(tmp_path, HAProxyServer, r"http-request set-header Accept-Encoding \S+.*") as asker:
        coded = await asker.get(PAGE, {"Accept-Encoding": "zstd"})
        plain = await asker.get(PAGE, {})
        assert ("zstd", "zstd") == (coded.headers["Content-Encoding"], plain.headers["Content-Encoding"])
        assert habits.MIXED == await habits.codings(asker, "/products?sort=name&limit=31")


async def test_varnish_weakens_the_tag_of_what_it_unpacks(tmp_path: Path) -> None:
    """Unless it is told to leave codings alone: a client that takes none has the tag of the gzip form, made weak."""
    async with behind(tmp_path, VarnishServer, r"`-p \S+`") as asker:
        page = await asker.get(PAGE, {})
        assert re.fullmatch(r'W/"[0-9a-f]{32}-gzip"', page.headers["ETag"])


async def test_varnish_ends_its_grace_on_a_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless what is fetched behind an answer is given up when it is an error: that takes the copy's place."""
    async with behind(tmp_path, VarnishServer, r"if \(bereq\.is_bgfetch[^}]*\}") as asker:
        primed = await asker.get(PAGE, {})

        async def fails(*_: object) -> None:
            raise DatabaseUnavailable("the database is away")

        monkeypatch.setattr(ProductStore, "page", fails)
        async with asyncio.timeout(60):
            while (await asker.get(PAGE, {})).status == 200:  # noqa: ASYNC110 - Varnish tells nobody
                await asyncio.sleep(0.1)
        earliest_s, _ = LIVES.told_s
        assert time.monotonic() - primed.ended_s < earliest_s
