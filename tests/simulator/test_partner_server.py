"""The simulator as a program runs it: on a port of its own, with the well-known client."""

import pytest
from aiohttp import ClientConnectionError, ClientSession

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from farmlokal.simulator.server import running_partner
from tests.servers.process import free_port


async def test_partner_serves_until_its_context_ends() -> None:
    """The base URL answers inside the context, on a free port, and refuses connections after it."""
    async with ClientSession() as session:
        async with running_partner("127.0.0.1", 0, products=10) as base_url:
            form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            async with session.post(f"{base_url}/oauth/token", data=form) as response:
                bearer = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
            async with session.get(f"{base_url}/products", headers=bearer) as response:
                assert 10 == len((await response.json())["products"])
        with pytest.raises(ClientConnectionError):
            await session.get(f"{base_url}/products")


async def test_two_partners_run_side_by_side() -> None:
    """Port 0 gives each its own port, and each has its own state."""
    async with (
        running_partner("127.0.0.1", 0, products=1) as first,
        running_partner("127.0.0.1", 0, products=2) as second,
        ClientSession() as session,
    ):
        totals = []
        for base_url in (first, second):
            async with session.get(f"{base_url}/control/stats") as response:
                totals.append((await response.json())["products"]["total"])
    assert [1, 2] == totals


async def test_unknown_routes_are_counted_together() -> None:
    """Paths that do not exist cannot grow the statistics, however many of them are asked for."""
    port = free_port()
    async with running_partner("127.0.0.1", port, products=1) as base_url, ClientSession() as session:
        for path in ("/a", "/b"):
            async with session.get(base_url + path) as response:
                assert 404 == response.status
        async with session.get(f"{base_url}/control/stats") as response:
            assert 2 == (await response.json())["requests"]["GET (no route)"]
    assert f"http://127.0.0.1:{port}" == base_url
