"""deploy/nginx: the site, in a real nginx before the real service, passes on what it should and no more."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.deploy.deploy_files import NGINX_SITE
from tests.servers import NginxServer
from tests.servers.certificates import make_certificates
from tests.servers.process import free_port
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for
from tests.support.webhook_sender import SECRET

pytestmark = pytest.mark.proof

PAGE = "/products?limit=50"
PROBLEM = "application/problem+json"


class Reply(NamedTuple):
    """A whole answer. headers: by name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Site(NamedTuple):
    """The service and the site before it. port: for TLS. plain_port: without it."""

    service: Service
    nginx: NginxServer
    port: int
    plain_port: int
    trust: ssl.SSLContext

    async def ask(
        self, target: str, method: str = "GET", body: bytes | None = None, *, address: str = "127.0.0.1", **headers: str
    ) -> Reply:
        """The answer to one request over a new connection from `address`. headers: their names with _ for -."""
        return await asyncio.to_thread(self._ask, target, method, body, address, headers)

    def _ask(self, target: str, method: str, body: bytes | None, address: str, headers: dict[str, str]) -> Reply:
        connection = HTTPSConnection(
            "127.0.0.1", self.port, timeout=10, context=self.trust, source_address=(address, 0)
        )
        with closing(connection):
            # As it is: without an Accept-Encoding of its own, and a target that nobody has normalised.
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def here(text: str, service_port: int, port: int, plain_port: int) -> str:
    """The site with our ports, on 127.0.0.1 alone, and certificates beside it."""
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{service_port}").replace("/etc/ssl/farmlokal/", "")
    text = re.sub(r"listen \[::\]:\d+[^;]*;", "", text)
    return re.sub(r"listen (\d+)", lambda found: f"listen 127.0.0.1:{port if found[1] == '443' else plain_port}", text)


@asynccontextmanager
async def behind_nginx(folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """The service behind the site, until the block ends."""
    given = settings_for(await catalogue(folder), trusted_proxies="127.0.0.1/32", **settings)
    async with serving(given) as service:
        port, plain_port = free_port(), free_port()
        nginx = NginxServer("", http=here(NGINX_SITE.read_text("utf-8"), service.port, port, plain_port))
        made = make_certificates(nginx.folder)
        made.cert_path.rename(nginx.folder / "fullchain.pem")
        made.key_path.rename(nginx.folder / "privkey.pem")
        await asyncio.to_thread(nginx.start)
        try:
            yield Site(service, nginx, port, plain_port, ssl.create_default_context(cafile=made.ca_path))
        finally:
            await asyncio.to_thread(nginx.close)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The service behind the site, with the settings that the tests have."""
    async with behind_nginx(tmp_path) as running:
        yield running


async def test_what_the_service_says_arrives_as_it_was_said(site: Site) -> None:
    """A page, its HEAD, its gzip form and its 304 have the bytes and the strong ETags that the service gives them."""
    async with site.service.client.get(PAGE, headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as answer:
        own = await answer.read()
    gzipped = await site.ask(PAGE, Accept_Encoding="gzip")
    assert (200, "gzip", own) == (gzipped.status, gzipped.headers["content-encoding"], gzipped.body)
    assert answer.headers["ETag"] == gzipped.headers["etag"]
    plain = await site.ask(PAGE)
    assert "content-encoding" not in plain.headers
    head = await site.ask(PAGE, "HEAD")
    assert (200, plain.headers["etag"], b"") == (head.status, head.headers["etag"], head.body)
    assert str(len(plain.body)) == head.headers["content-length"] == plain.headers["content-length"]
    same = await site.ask(PAGE, If_None_Match=plain.headers["etag"])
    assert (304, b"") == (same.status, same.body)


@pytest.mark.parametrize("target", ["/products/1", "/products?limit=1", "/openapi.json"])
async def test_nginx_compresses_nothing_by_itself(site: Site, target: str) -> None:
    """Also what the service leaves as it is, being short: a strong ETag would be weakened."""
    async with site.service.client.get(target, headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as own:
        expected = own.status, own.headers.get("ETag"), own.headers.get("Content-Encoding"), await own.read()
    answer = await site.ask(target, Accept_Encoding="gzip")
    headers = answer.headers
    assert expected == (answer.status, headers.get("etag"), headers.get("content-encoding"), answer.body)


async def test_connections_to_the_service_are_kept(site: Site) -> None:
    """Clients that come one after another, each on a connection of its own, cost the service one."""
    for _ in range(10):
        assert 200 == (await site.ask(PAGE)).status
    server = site.service.runner.server
    assert server is not None
    assert 1 == len(server.connections)


@pytest.mark.parametrize(
    "target", ["/metrics", "/metrics?x=1", "//metrics", "/./metrics", "/x/../metrics", "/%6Detrics"]
)
async def test_metrics_are_not_for_everybody(site: Site, target: str) -> None:
    """Though the service has them on its own port here: nginx answers, however the path is written."""
    async with site.service.client.get("/metrics") as own:
        assert 200 == own.status
    answer = await site.ask(target)
    assert (404, False) == (answer.status, b"farmlokal_" in answer.body)


async def test_each_client_has_a_rate_limit_of_its_own(tmp_path: Path) -> None:
    """The address that nginx appends is the client; one that somebody wrote before it buys nothing."""
    async with behind_nginx(tmp_path, rate_limit="default=50/hour") as site:
        statuses = [
            (await site.ask(PAGE, address="127.0.0.2", X_Forwarded_For=f"192.0.2.{number}")).status
            for number in range(5)
        ]
        assert [200, 200, 429, 429, 429] == statuses
        assert 200 == (await site.ask(PAGE, address="127.0.0.3")).status


async def test_what_is_too_long_is_refused_by_the_service(tmp_path: Path) -> None:
    """A request line and an event's body above its limits get its problems, not nginx's pages."""
    async with behind_nginx(tmp_path, webhook_secrets=SECRET) as site:
        line = await site.ask(f"/products?category={'a' * 9000}")
        assert (414, PROBLEM) == (line.status, line.headers["content-type"])
        body = await site.ask("/external/webhook", "POST", b"x" * 300_000, Content_Type="application/json")
        assert (413, PROBLEM) == (body.status, body.headers["content-type"])


async def test_without_tls_a_client_is_sent_to_it(site: Site) -> None:
    """The plain port answers with the same address under https, whatever the method."""

    def ask() -> tuple[int, str | None]:
        with closing(HTTPConnection("127.0.0.1", site.plain_port, timeout=10)) as connection:
            connection.request("POST", "/external/webhook?a=1", headers={"Host": "shop.example"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location")

    assert (308, "https://shop.example/external/webhook?a=1") == await asyncio.to_thread(ask)


async def test_nginx_says_nothing_of_the_site(site: Site) -> None:
    """It warns of no directive, and of no answer that went to a file."""
    assert 200 == (await site.ask("/products?limit=65")).status
    log = site.nginx.log_path.read_text("utf-8")
    assert [] == [line for line in log.splitlines() if re.search(r"\[(warn|error|crit|alert|emerg)\]", line)]
