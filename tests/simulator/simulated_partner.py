"""A partner behind a real socket, with a clock that stands still until a test moves it."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from farmlokal.simulator.app import create_partner_app
from farmlokal.simulator.catalogue import Catalogue
from farmlokal.simulator.credentials import FEED_SCOPE, Credentials
from farmlokal.simulator.partner import Partner
from tests.support.clock import StillClock

PRODUCTS = 1234
TOKEN_TTL_S = 60
OTHER_SCOPE = "orders:read"


@dataclass
class SimulatedPartner:
    """The partner, its clock, an HTTP client of it, and a live token with every scope."""

    partner: Partner
    clock: StillClock
    client: TestClient[web.Request, web.Application]
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a request that may read the feed."""
        return {"Authorization": f"Bearer {self.token}"}

    async def fetch(self, **query: str | int) -> dict[str, Any]:
        """One page of the feed."""
        async with self.client.get("/products", params=query, headers=self.bearer) as response:
            assert 200 == response.status, await response.text()
            page: dict[str, Any] = await response.json()
            return page

    async def walk(self, **query: str | int) -> list[dict[str, Any]]:
        """Every page from the first to the one without a next token."""
        pages = [await self.fetch(**query)]
        while pages[-1]["next_page_token"] is not None:
            pages.append(await self.fetch(**query, page_token=pages[-1]["next_page_token"]))
        return pages

    async def change(self, **fields: Any) -> dict[str, Any]:
        """Change one product by the control route; its new row."""
        async with self.client.post("/control/products", json=fields) as response:
            assert 200 == response.status, await response.text()
            row: dict[str, Any] = await response.json()
            return row

    async def status(self, query: str = "") -> int:
        """The status of a feed request with the live token."""
        async with self.client.get(f"/products?{query}", headers=self.bearer) as response:
            return response.status

    async def stats(self) -> dict[str, Any]:
        """What the partner counted."""
        async with self.client.get("/control/stats") as response:
            counted: dict[str, Any] = await response.json()
            return counted


async def start_partner(aiohttp_client: AiohttpClient) -> SimulatedPartner:
    """A fresh partner of PRODUCTS rows whose client may also have a scope that the feed does not accept."""
    clock = StillClock()
    credentials = Credentials(clock=clock, scopes=(FEED_SCOPE, OTHER_SCOPE), token_ttl_s=TOKEN_TTL_S)
    partner = Partner(credentials, Catalogue(PRODUCTS, clock=clock))
    client = await aiohttp_client(create_partner_app(partner))
    return SimulatedPartner(partner, clock, client, credentials.issue(credentials.scopes))
