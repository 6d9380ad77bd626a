"""Every answer that the document describes is one that the service gives, and it looks as described."""

from pathlib import Path

import pytest
from aiohttp import web

from farmlokal.catalog.changes.feed import ChangeFeed
from farmlokal.catalog.counting.summary import Summaries
from farmlokal.catalog.reading.directory import Directory
from farmlokal.catalog.reading.price_history import PriceHistory
from farmlokal.errors import DatabaseUnavailable, StatementTimeout
from farmlokal.partner.sync.run_store import SyncRuns
from farmlokal.partner.sync.service import Sync
from farmlokal.web import keys
from farmlokal.web.edge import connection as edge_connection
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.handlers import sync
from farmlokal.web.handlers.webhook import BODY_BYTES_MAX
from farmlokal.webhooks.receive import Receiver
from tests.support.partner import FEED, TOKEN, PartnerStand, odd_upstream, partner_stand
from tests.support.raw_requests import exchange
from tests.support.service import Service
from tests.support.webhook_sender import body_of, headers_for, new_id
from tests.web.answer_trial import API_KEY, EVERY, KEY, Trial, described, services
from tests.web.api_document import ALL_ROUTES, departures, document
from tests.web.watched_store import watch_store

AWAY = DatabaseUnavailable("the database is away")
SLOW = StatementTimeout("the query ran into the statement time limit")
OF_CACHES = (
    *("listProducts", "summariseProducts", "showProduct", "listChanges", "listPrices", "drawPrices", "suggest"),
    *("listCategories", "listPlaces", "listFarms", "showFarm"),
    *("showIndex", "showDocument", "showDocs", "showDocsFile", "showProblem"),
)
SYNCS = ("startSync", "startSyncByGet")


async def deliver(trial: Trial, service: Service, body: bytes, *, event_id: str = "") -> None:
    """Deliver a signed event."""
    await trial.ask(service, "receiveWebhook", headers=headers_for(event_id or new_id(), body), body=body)


async def try_what_is_cached(trial: Trial, service: Service) -> None:
    """The routes whose answers have validators and codings."""
    for name in OF_CACHES:
        etag = (await trial.ask(service, name)).headers["ETag"]
        await trial.ask(service, name, headers={"If-None-Match": etag})
        await trial.ask(service, name, headers={"Accept-Encoding": "identity;q=0"})
        await trial.ask(service, name, headers={"If-Match": '"another"'})
        await trial.ask(service, name, headers={"Accept-Encoding": "gzip, identity;q=0"})
    for name, target in (
        ("listProducts", "/products?limit=0"),
        ("summariseProducts", "/products/summary?limit=20"),
        ("showProduct", "/products/0"),
        ("showProduct", "/products/999999"),
        ("listChanges", "/products/changes?limit=0"),
        ("listChanges", "/products/changes?after=0123456789abcdef.7"),
        ("listPrices", "/products/1/prices?limit=0"),
        ("listPrices", "/products/999999/prices"),
        ("drawPrices", "/products/1/prices.svg?to=x"),
        ("drawPrices", "/products/999999/prices.svg"),
        ("suggest", "/suggest?q="),
        ("listCategories", "/categories?x=1"),
        ("listPlaces", "/places?level=x"),
        ("listFarms", "/farms?limit=0"),
        ("showFarm", "/farms/0"),
        ("showFarm", "/farms/999999"),
        ("showDocsFile", "/docs/none.js"),
        ("showProblem", "/problems/none"),
    ):
        await trial.ask(service, name, target)
    await trial.ask(service, "showMetrics", "/metrics", headers={"Accept": "application/openmetrics-text"})
    for name in ("showLiveness", "showReadiness", "showMetrics"):
        path = next(route.path for route in ALL_ROUTES if route.operation.id == name)
        await trial.ask(service, name, path)


async def try_what_is_below(trial: Trial, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused before any handler, and what a handler does not expect."""
    with monkeypatch.context() as patch:
        patch.setattr(edge_connection, "HEAD_WAIT_MAX_S", 0.2)
        trial.note("listProducts", await exchange(service.port, b"GET /products HTTP/1.1\r\n"))
    trial.note("listProducts", await exchange(service.port, b"GET /products HTTP/2.0\r\nHost: test\r\n\r\n"))
    await trial.ask(service, "listProducts", f"/products?{'x' * 9000}")
    await trial.ask(service, "listProducts", headers={"X": "x" * 9000})
    await trial.ask(service, "listProducts", headers={"Expect": "miracles"})
    await trial.ask(service, "listProducts", headers={"Content-Length": "many"})
    watch_store(service.app).fault = RuntimeError("nobody expected that")
    await trial.ask(service, "listProducts", "/products?limit=3")


async def try_the_partner(trial: Trial, service: Service, partner: PartnerStand) -> None:
    """Token and sync, with a partner that is well, fails, and is away."""
    await trial.ask(service, "showToken", headers=KEY)
    await trial.ask(service, "showToken")
    for name in SYNCS:
        told = (await trial.ask(service, name, headers=KEY)).json()
        await trial.ask(
            service, "showSync", f"/external/sync/{told['run']}", headers={"Authorization": f"Bearer {API_KEY}"}
        )
        await trial.ask(service, name, "/external/sync?full=2", headers=KEY)
        await trial.ask(service, name)
        partner.fault({"kind": "status", "status": 403, "route": FEED})
        await trial.ask(service, name, headers=KEY)
        partner.fault({"kind": "status", "status": 503, "retry_after_s": 600, "route": FEED})
        await trial.ask(service, name, headers=KEY)
        partner.fault()
    await trial.ask(service, "showSync", headers=KEY)
    await trial.ask(service, "showSync")


async def try_slow_syncs(
    trial: Trial, service: Service, partner: PartnerStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that is waited for no longer."""
    monkeypatch.setattr(sync, "WAIT_MAX_S", 0.3)
    partner.fault({"kind": "latency", "latency_s": 1.0, "route": FEED})
    for name in SYNCS:
        await trial.ask(service, name, headers=KEY)


async def try_a_feed_without_form(trial: Trial, folder: Path) -> None:
    """A partner whose feed is not what the contract says."""

    async def odd(request: web.Request) -> web.Response:
        if request.path == "/oauth/token":
            return web.json_response({"access_token": "t" * 20, "token_type": "Bearer", "expires_in": 3600})
        return web.json_response({"products": "none"})

    async with odd_upstream(odd) as url, services(folder / "odd", url) as service:
        for name in SYNCS:
            await trial.ask(service, name, headers=KEY)


async def try_the_webhook(trial: Trial, service: Service) -> None:
    """A delivery that is new, repeated, changed, unsigned, without effect, too long, coded."""
    body = body_of("something.else", {})
    await deliver(trial, service, body, event_id="msg_same")
    await deliver(trial, service, body, event_id="msg_same")
    await deliver(trial, service, body + b" ", event_id="msg_same")
    await deliver(trial, service, body_of("order.placed", {"order_id": "A1"}))
    await trial.ask(service, "receiveWebhook", body=body)
    await trial.ask(service, "receiveWebhook", body=bytes(BODY_BYTES_MAX + 1))
    await trial.ask(service, "receiveWebhook", body=body, headers={"Content-Encoding": "gzip"})


async def try_what_is_not_set(trial: Trial, folder: Path) -> None:
    """A service without keys, and one without anything that the routes need."""
    needed = ("oauth_token_url", "oauth_client_id", "oauth_client_secret", "partner_url", "webhook_secrets")
    async with services(folder / "keyless", "http://127.0.0.1:1", api_keys=None) as service:
        for name in ("showToken", *SYNCS, "showSync"):
            await trial.ask(service, name)
    async with services(folder / "bare", "http://127.0.0.1:1", **dict.fromkeys(needed)) as service:
        for name in ("showToken", *SYNCS):
            await trial.ask(service, name, headers=KEY)
        await trial.ask(service, "receiveWebhook")


async def try_a_database_that_fails(trial: Trial, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every route behind which there is a database, when that is away, and when it is slow."""
    for number, fault in enumerate((AWAY, SLOW)):

        async def fails(*_: object, fault: Exception = fault, **__: object) -> None:
            raise fault

        with monkeypatch.context() as patch:
            async with services(folder / f"failing-{number}", url) as service:
                store = service.app[keys.LISTING]._store
                for owner, name in (
                    *((store, "page"), (store, "product"), (PriceHistory, "page"), (PriceHistory, "picture")),
                    *((Directory, "places"), (Directory, "farms"), (Directory, "farm")),
                    *((Summaries, "load"), (ChangeFeed, "page"), (Sync, "run"), (SyncRuns, "get")),
                ):
                    patch.setattr(owner, name, fails)
                behind = (
                    *("listProducts", "summariseProducts", "showProduct", "listChanges", "listPrices", "drawPrices"),
                    *("listPlaces", "listFarms", "showFarm"),
                )
                for name in (*behind, *SYNCS, "showSync"):
                    await trial.ask(service, name, headers=KEY)
                if fault is AWAY:
                    patch.setattr(service.app[keys.CATEGORY_COUNTS], "get", fails)
                    patch.setattr(service.app[keys.SUGGESTING], "_load", fails)
                    patch.setattr(Receiver, "receive", fails)
                    await trial.ask(service, "listCategories")
                    await trial.ask(service, "suggest")
                    await deliver(trial, service, b"{}")


async def try_too_much(trial: Trial, folder: Path, url: str) -> None:
    """More requests than there may be."""
    async with services(folder / "limited", url, rate_limit="default=1/hour,token=1/hour") as service:
        await trial.ask(service, "listProducts")
        await trial.ask(service, "showToken")
        for route in ALL_ROUTES:
            if route.operation.limited:
                await trial.ask(service, route.operation.id)


async def try_draining(trial: Trial, service: Service) -> None:
    """A process that is about to stop."""
    service.app[keys.HEALTH].phase = Phase.DRAINING
    await trial.ask(service, "showReadiness", "/readyz")


async def test_what_no_operation_gives_is_described_too(tmp_path: Path) -> None:
    """An unknown address and a wrong method get the document's responses of these names."""
    async with services(tmp_path / "whole", "http://127.0.0.1:1") as service:
        for line, name in (("GET /nowhere", "not-found"), ("DELETE /products", "method-not-allowed")):
            answer = await exchange(
                service.port, f"{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode()
            )
            response = document()["components"]["responses"][name]
            assert [] == departures(response, answer.status, answer.headers, answer.body)


async def test_every_answer_described_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer of each operation can be had, none can be had that is not described, and all look as described."""
    trial = Trial()
    async with partner_stand() as partner:
        async with services(tmp_path / "whole", partner.url) as service:
            await try_what_is_cached(trial, service)
            await try_the_webhook(trial, service)
            await try_the_partner(trial, service, partner)
            await try_what_is_below(trial, service, monkeypatch)
            await try_draining(trial, service)
        async with services(tmp_path / "slow", partner.url) as service:
            with monkeypatch.context() as patch:
                await try_slow_syncs(trial, service, partner, patch)
        partner.fault({"kind": "status", "status": 503, "retry_after_s": 600, "route": TOKEN})
        async with services(tmp_path / "away", partner.url) as service:
            await trial.ask(service, "showToken", headers=KEY)
        partner.fault({"kind": "status", "status": 401, "route": TOKEN})
        async with services(tmp_path / "refused", partner.url) as service:
            await trial.ask(service, "showToken", headers=KEY)
        await try_a_database_that_fails(trial, tmp_path, partner.url, monkeypatch)
        await try_too_much(trial, tmp_path, partner.url)
    await try_a_feed_without_form(trial, tmp_path)
    await try_what_is_not_set(trial, tmp_path)
    assert set() == described() - trial.given
    assert set() == trial.given - described()
    assert EVERY == trial.every
