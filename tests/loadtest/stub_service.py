"""A stand-in for the service behind a load test: small, and as faulty as a test wants it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiohttp import web

from tests.loadtest.products import MANGO

_PAGES = 3
_HIT = {"Cache-Status": "stub; hit; ttl=9; detail=memory", "ETag": '"1"'}


@asynccontextmanager
async def stub_service(*, faulty: bool) -> AsyncIterator[str]:
    """Its URL, until the block ends."""
    app = web.Application()
    stub = Faulty() if faulty else Stub()
    app.add_routes(
        [
            web.get("/categories", stub.categories),
            web.get("/products", stub.products),
            web.get("/suggest", stub.suggest),
            web.get("/products/changes", stub.changes),
            web.get("/places", stub.directory),
            web.get("/farms", stub.directory),
            web.get("/farms/{id}", stub.farm),
            web.get("/products/summary", stub.summary),
            web.get("/products/{id}", stub.product),
            web.get("/products/{id}/prices", stub.prices),
            web.get("/auth/token", stub.token),
            web.get("/external/sync", stub.sync),
            web.get("/external/sync/{run}", stub.sync_run),
            web.post("/external/webhook", stub.webhook),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Stub:
    """Does what the interface promises, with three pages of one product each."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    async def categories(self, request: web.Request) -> web.Response:
        """One category."""
        return _hit(request, {"data": [{"category": "fruits", "products": _PAGES}]})

    async def products(self, request: web.Request) -> web.Response:
        """The page whose number the cursor is, with as many kilometres where a place is named."""
        number = int(request.query.get("cursor", "1"))
        page = self.page(number)
        if "near" in request.query:
            page["data"] = [{**product, "distance_km": self.distance_km(number)} for product in page["data"]]
        return _hit(request, page)

    def distance_km(self, number: int) -> float:
        """How far away the product of page `number` is."""
        return number / 10

    async def summary(self, request: web.Request) -> web.Response:
        """As many products as there are pages."""
        count = {"value": _PAGES, "exact": True, "low": _PAGES, "high": _PAGES}
        facets = {"category": {"values": [{"value": "fruits", "products": count}]}}
        return _hit(request, {"total": count, "facets": facets})

    async def suggest(self, request: web.Request) -> web.Response:
        """One suggestion, whatever is typed."""
        return _hit(request, {"data": [{"text": "Mango", "kind": "commodity", "category": "fruits", "products": 3}]})

    async def directory(self, request: web.Request) -> web.Response:
        """One place or farm."""
        page = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}
        return _hit(request, {"data": [{"id": 7, "name": "Pune", "products": _PAGES}], "page": page})

    async def farm(self, request: web.Request) -> web.Response:
        """Any farm."""
        return _hit(request, {"id": int(request.match_info["id"]), "name": "Patil Farm", "products": _PAGES})

    def page(self, number: int) -> dict[str, Any]:
        """Page `number`, with a product of its own."""
        cursor = str(number + 1) if number < _PAGES else None
        page = {"limit": 20, "has_more": cursor is not None, "next_cursor": cursor, "prev_cursor": None}
        return {"data": [{**MANGO, "id": number}], "page": page}

    async def changes(self, request: web.Request) -> web.Response:
        """One product, and no further change."""
        began = "after" not in request.query
        shown = {"data": [MANGO] if began else [], "page": {"limit": 200, "has_more": began, "next_after": "0.1"}}
        return web.json_response(shown)

    async def product(self, request: web.Request) -> web.Response:
        """Any product."""
        return _hit(request, {**MANGO, "id": int(request.match_info["id"])})

    async def prices(self, request: web.Request) -> web.Response:
        """Two days."""
        days = [{"day": day} for day in ("2026-11-22", "2026-11-20")]
        page = {"limit": 30, "has_more": False, "next_cursor": None, "prev_cursor": None}
        return _hit(request, {"data": days, "page": page})

    async def token(self, request: web.Request) -> web.Response:
        """The same token for everyone."""
        return web.json_response({"access_token": "one", "token_type": "Bearer", "expires_in": 3000})

    async def sync(self, request: web.Request) -> web.Response:
        """A run that goes on behind."""
        return web.json_response({"run": "1", "state": "running"}, status=202, headers={"Location": "sync/1"})

    async def sync_run(self, request: web.Request) -> web.Response:
        """Its end."""
        return web.json_response({"run": "1", "state": "done"})

    async def webhook(self, request: web.Request) -> web.Response:
        """Says of what it has seen that it is a duplicate."""
        event_id, event = request.headers["webhook-id"], await request.json()
        duplicate = event_id in self._seen
        self._seen.add(event_id)
        return web.json_response({"duplicate": duplicate, "effect": self._effect(event)})

    def _effect(self, event: dict[str, Any]) -> str:
        if event["type"] != "product.upserted":
            return str(event["type"].rpartition(".")[2])
        identity = event["data"]["external_id"]
        new = identity not in self._seen
        self._seen.add(identity)
        return "created" if new else "updated"


class Faulty(Stub):
    """Breaks a promise on each route."""

    def __init__(self) -> None:
        super().__init__()
        self._tokens = count()

    async def categories(self, request: web.Request) -> web.Response:
        """Meets a rate limit."""
        return web.json_response({"type": "/problems/rate-limited"}, status=429)

    def page(self, number: int) -> dict[str, Any]:
        """Shows the first page's product again."""
        page = super().page(number)
        page["data"][0]["id"] = 1
        return page

    def distance_km(self, number: int) -> float:
        """Beyond every radius."""
        return 1_000.0 + number

    async def changes(self, request: web.Request) -> web.Response:
        """Shows a product twice."""
        return web.json_response({"data": [MANGO, MANGO], "page": {"limit": 200, "has_more": True, "next_after": "1"}})

    async def product(self, request: web.Request) -> web.Response:
        """Answers without being asked whether anything changed."""
        return web.Response(status=304)

    async def token(self, request: web.Request) -> web.Response:
        """A token for each caller."""
        return web.json_response({"access_token": f"{next(self._tokens)}", "token_type": "Bearer", "expires_in": 3000})

    async def sync(self, request: web.Request) -> web.Response:
        """Has no partner."""
        return web.json_response({"type": "/problems/partner-unavailable"}, status=503)

    async def webhook(self, request: web.Request) -> web.Response:
        """Takes every delivery for a duplicate."""
        return web.json_response({"duplicate": True, "effect": self._effect(await request.json())})


def _hit(request: web.Request, content: dict[str, Any]) -> web.Response:
    if request.headers.get("If-None-Match") == _HIT["ETag"]:
        return web.Response(status=304, headers=_HIT)
    return web.json_response(content, headers=_HIT)
