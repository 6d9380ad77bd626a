"""Every secret set to a marked text, and the whole API put through good and bad times: the mark comes out nowhere."""

import asyncio
import contextlib
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from aiohttp import ClientError, ClientSession

from tests.servers import MariaDBServer, RedisServer
from tests.support.command import DONE_WAIT_MAX_S, make_catalogue, operators
from tests.support.logged_process import logged_process
from tests.support.own_servers import StartMariaDB, StartRedis
from tests.support.partner import odd_upstream
from tests.support.raw_requests import exchange
from tests.support.webhook_sender import body_of, headers_for, product
from tests.web.collector import Collector, collecting, environment
from tests.web.leaky_partner import MARK, MOODS, LeakyPartner

API_KEY = f"{MARK}-key-of-an-api-caller"
CLIENT_SECRET = f"{MARK}-client secret/with+more"
# A base64 text by itself.
WEBHOOK_SECRET = f"whsec_{MARK}{'A' * 25}"
DATABASE_PASSWORD = f"{MARK}-database-password"
REDIS_PASSWORD = f"{MARK}-redis-password"
COLLECTOR_KEY = f"{MARK}-collector-key"
# How the header that signs the client in begins, in base64.
BASIC = b64encode(f"farmlokal:{MARK}".encode()).decode()[:20]

PAGES = (
    "/products?limit=3",
    "/products?district=Pune&sort=price&limit=2",
    "/products?cursor=forged",
    f"/products?limit={API_KEY}&{API_KEY}=1",
    "/products/1",
    "/products/999999",
    f"/products/{API_KEY}",
    f"/products/1/prices?from={API_KEY}",
    "/products/1/prices.svg",
    "/categories",
    "/auth/token",
    "/external/sync",
    "/external/sync?full=true",
    "/external/sync/unknown",
    f"/{API_KEY}",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/problems/unavailable",
)
MALFORMED = (
    f"GET /{API_KEY} HTTP/9.9\r\n\r\n",
    f"{MARK} nonsense\r\n\r\n",
    f"GET /products HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nX-Long: {'a' * 9000}\r\n\r\n",
    f"GET /{API_KEY * 400} HTTP/1.1\r\nHost: x\r\n\r\n",
)


@dataclass
class Audited:
    """Everything that came out of the service."""

    url: str
    port: int
    texts: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    async def ask_everything(self, times: str) -> None:
        """Every route, with and without the key, and what is no request at all. times: for events of their own."""
        async with ClientSession(self.url) as client:
            for target in PAGES:
                await self._ask(client, "GET", target, {"X-API-Key": API_KEY})
                await self._ask(client, "GET", target, {"Authorization": f"Bearer {MARK}-not-one-of-ours"})
            await self._ask(client, "POST", "/external/sync", {"X-API-Key": API_KEY})
            for number, data in enumerate((product(times), {"source": 7}, product(times, name="x" * 999))):
                body = body_of("product.upserted", data)
                signed = headers_for(f"{times}-{number}", body, secret=WEBHOOK_SECRET)
                await self._ask(client, "POST", "/external/webhook", signed, body)
                await self._ask(client, "POST", "/external/webhook", signed | {"webhook-id": MARK}, body)
        for sent in MALFORMED:
            answer = await exchange(self.port, sent.encode())
            self._keep(answer.status, str(answer.headers), answer.body.decode())

    async def _ask(
        self, client: ClientSession, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> None:
        async with client.request(method, target, headers=headers, data=body) as answer:
            text = await answer.text()
            if (answer.status, target) == (200, "/auth/token"):
                # What this caller is entitled to, and nobody else gets.
                assert MARK in text
                text = ""
            self._keep(answer.status, str(answer.headers), text)

    def _keep(self, status: int, headers: str, body: str) -> None:
        self.statuses.add(status)
        self.texts += [headers, body]


@asynccontextmanager
async def everything(
    folder: Path, database: MariaDBServer, cache: RedisServer, partner: LeakyPartner
) -> AsyncIterator[tuple[dict[str, str], Collector]]:
    """The variables of a service all of whose secrets are marked, and where its traces go."""
    database.create_database("farmlokal")
    database.execute(f"CREATE USER farmer IDENTIFIED BY '{DATABASE_PASSWORD}'")
    database.execute("GRANT ALL ON farmlokal.* TO farmer")
    let_in(cache)
    async with collecting() as collector, odd_upstream(partner.answer) as partner_url:
        yield (
            operators(
                folder,
                f"mysql://farmer:{DATABASE_PASSWORD}@127.0.0.1:{database.port}/farmlokal",
                f"redis://farmer:{REDIS_PASSWORD}@127.0.0.1:{cache.port}/0",
            )
            | environment(collector.url)
            | {
                "OTEL_EXPORTER_OTLP_HEADERS": f"x-collector-key={COLLECTOR_KEY}",
                "FARMLOKAL_ACCESS_LOG": "on",
                "FARMLOKAL_API_KEYS": f"{MARK}-another-key,{API_KEY}",
                "FARMLOKAL_LOG_LEVEL": "debug",
                "FARMLOKAL_OAUTH_CLIENT_ID": "farmlokal",
                "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
                "FARMLOKAL_OAUTH_TOKEN_URL": f"{partner_url}/token",
                "FARMLOKAL_PARTNER_URL": partner_url,
                "FARMLOKAL_SECRET_KEY": f"{MARK}-signs-cursors-now,{MARK}-signed-cursors-once",
                "FARMLOKAL_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            },
            collector,
        )


def let_in(cache: RedisServer) -> None:
    """Make the service's user known to a Redis that has just started, and nobody else."""
    with redis.Redis(port=cache.port) as client:
        client.execute_command("ACL", "SETUSER", "farmer", "on", f">{REDIS_PASSWORD}", "~*", "&*", "+@all")


def commands(variables: dict[str, str], folder: Path) -> str:
    """What the commands that talk to anything print, the settings' own among them; and refused settings."""
    wrong = {
        "FARMLOKAL_API_KEYS": f"{MARK},",
        "FARMLOKAL_WEBHOOK_SECRETS": f"whsec_{MARK}!",
        "FARMLOKAL_SECRET_KEY": MARK,
        "FARMLOKAL_DATABASE_URL": f"mysql://farmer:{DATABASE_PASSWORD}@127.0.0.1:nowhere/farmlokal",
        "FARMLOKAL_REDIS_URL": f"http://:{REDIS_PASSWORD}@127.0.0.1/0",
    }
    printed = [
        command(variables, folder, name)
        for name in ("config", "sync", "webhooks list", "webhooks register", "cache purge")
    ]
    refused = command(variables | wrong, folder, "config")
    assert "FARMLOKAL_OAUTH_CLIENT_SECRET=***" in printed[0]
    assert len(wrong) == len(refused.splitlines())
    return "\n".join([*printed, refused])


def command(variables: dict[str, str], folder: Path, name: str) -> str:
    """What one command prints, on both streams."""
    return subprocess.run(
        [sys.executable, "-m", "farmlokal", *name.split()],
        env=variables,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DONE_WAIT_MAX_S,
        check=False,
    ).stdout


@pytest.mark.proof
@pytest.mark.timeout(240)
async def test_no_secret_comes_out(tmp_path: Path, own_mariadb: StartMariaDB, own_redis: StartRedis) -> None:
    """Not in a log line at `debug`, an answer, a metric, a trace, a command's output; in good times and in bad ones."""
    database, cache, partner = own_mariadb(), own_redis(), LeakyPartner()
    async with AsyncExitStack() as running:
        variables, collector = await running.enter_async_context(everything(tmp_path, database, cache, partner))
        await asyncio.to_thread(make_catalogue, variables)
        printed = [await asyncio.to_thread(commands, variables, tmp_path)]
        async with logged_process(variables, tmp_path, "--workers", "2") as service:
            audited = Audited(service.url, service.port)
            for path in ("/products", "/token"):
                for mood in MOODS:
                    partner.moods[path] = mood
                    await audited.ask_everything(f"{mood}-{path[1:]}")
                    await asyncio.sleep(1.1)  # a failure is kept for a second
                partner.moods[path] = "well"
            await asyncio.to_thread(cache.restart)
            await audited.ask_everything("redis-refuses")  # it knows our user no longer
            await asyncio.to_thread(cache.kill)
            await audited.ask_everything("redis-away")
            await asyncio.to_thread(cache.start)
            let_in(cache)
            database.execute("RENAME TABLE products TO elsewhere", database="farmlokal")
            await audited.ask_everything("unexpected")
            await asyncio.to_thread(database.kill)
            await audited.ask_everything("database-away")
            printed += [await asyncio.to_thread(command, variables, tmp_path, name) for name in ("sync", "cache purge")]
            with contextlib.suppress(ClientError):
                collector.status = 500
                await audited.ask_everything("collector-away")
        log = service.log

    # The audit looked where it should.
    assert {200, 400, 401, 404, 422, 500, 502, 503} <= audited.statuses
    assert {f"{mood} {path}" for mood in MOODS for path in ("/token", "/products")} <= partner.asked
    assert {"answered", "request failed", "partner call", "partner call failed", "malformed request"} <= {
        line["event"] for line in service.lines
    }
    assert COLLECTOR_KEY == collector.headers[0]["x-collector-key"]
    assert collector.named("GET /products")
    assert "farmlokal_http_requests_total" in "".join(audited.texts)

    traces = b"".join(collector.bodies).decode("latin-1")
    for where, text in (
        ("log", log),
        ("answers", "\n".join(audited.texts)),
        ("traces", traces),
        ("commands", "\n".join(printed)),
    ):
        for secret in (MARK, BASIC):
            leaks = [line for line in text.splitlines() if secret in line]
            assert not leaks, f"{where}: {leaks[:3]}"
