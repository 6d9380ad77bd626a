"""`/external/sync` of the whole service, against the simulator on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from aiohttp import ClientSession

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from farmlokal.simulator.server import running_partner
from farmlokal.web.handlers import sync as sync_routes
from tests.support.raw_requests import ask, problem
from tests.support.service import Service, open_database, serving, settings_for, sqlite_url

PRODUCTS = 1200
API_KEY = "only-the-tests-know-this-key"
KEY = f"X-API-Key: {API_KEY}\r\n"
SUMMARY = {
    "run",
    "state",
    "full",
    "fetched",
    "created",
    "updated",
    "unchanged",
    "outdated",
    "deleted",
    "rejected",
    "unknown_categories",
    "pages",
    "duration_s",
    "updated_since",
    "as_of",
    "started_at",
    "finished_at",
}


def partner_settings(url: str) -> dict[str, str]:
    """The settings that name the simulator at `url`."""
    return {
        "api_keys": API_KEY,
        "oauth_token_url": f"{url}/oauth/token",
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
        "partner_url": url,
    }


@asynccontextmanager
async def synced_service(folder: Path, **others: Any) -> AsyncIterator[tuple[Service, str]]:
    """The service on an empty catalogue, and the base URL of its partner."""
    async with (
        running_partner("127.0.0.1", 0, PRODUCTS) as partner_url,
        open_database(sqlite_url(folder)),
        serving(settings_for(sqlite_url(folder), **{**partner_settings(partner_url), **others})) as service,
    ):
        yield service, partner_url


async def fail(partner_url: str, *faults: dict[str, Any]) -> None:
    """Put `faults` in force for the partner's feed."""
    content = {"faults": [{"route": "GET /products", **fault} for fault in faults]}
    async with ClientSession() as session, session.post(f"{partner_url}/control/faults", json=content) as response:
        assert 200 == response.status, await response.text()


async def ended(service: Service, location: str) -> dict[str, Any]:
    """The run at `location` once it runs no more."""
    for _ in range(200):
        shown: dict[str, Any] = (await ask(service.port, location, headers=KEY)).json()
        if shown["state"] != "running":
            return shown
        await asyncio.sleep(0.1)
    raise AssertionError(shown)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_sync_fills_the_listing(tmp_path: Path, method: str) -> None:
    """A sync answers with its summary, the run can be looked up, and its products are listed at once."""
    async with synced_service(tmp_path) as (service, _):
        assert [] == (await ask(service.port, "/products")).json()["data"]
        answer = await ask(service.port, "/external/sync", method=method, headers=KEY)
        told = answer.json()
        assert (200, "no-store", SUMMARY) == (answer.status, answer.headers["Cache-Control"], told.keys())
        assert ("done", False, PRODUCTS, PRODUCTS, 3) == tuple(
            told[name] for name in ("state", "full", "fetched", "created", "pages")
        )
        shown = (await ask(service.port, f"/external/sync/{told['run']}", headers=KEY)).json()
        assert told | {"rejects": []} == shown
        assert 20 == len((await ask(service.port, "/products")).json()["data"])


async def test_full_is_said_in_the_query(tmp_path: Path) -> None:
    """`?full=true` walks everything again; anything else than a flag is refused with every fault."""
    async with synced_service(tmp_path) as (service, _):
        await ask(service.port, "/external/sync", headers=KEY)
        told = (await ask(service.port, "/external/sync?full=true", headers=KEY)).json()
        assert (True, PRODUCTS, PRODUCTS) == (told["full"], told["fetched"], told["unchanged"])
        told = (await ask(service.port, "/external/sync?full=false", headers=KEY)).json()
        assert (False, 0) == (told["full"], told["fetched"])
        for query, names in (
            ("full=yes&x=1", ["full", "x"]),
            ("full=true&full=true", ["full"]),
            ("full=%zz", ["full"]),
        ):
            refused = problem(await ask(service.port, f"/external/sync?{query}", headers=KEY), 400, "invalid-parameter")
            assert names == sorted(fault["parameter"] for fault in refused["errors"])


async def test_long_sync_goes_on_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that takes longer than a request should answers 202 with the address at which its end can be seen."""
    # A busy machine begins a run within the first, and has two requests' time until the second page.
    monkeypatch.setattr(sync_routes, "WAIT_MAX_S", 1.5)
    async with synced_service(tmp_path) as (service, partner_url):
        await fail(partner_url, {"kind": "latency", "latency_s": 2})
        answer = await ask(service.port, "/external/sync", headers=KEY)
        told = answer.json()
        assert (202, "running", None) == (answer.status, told["state"], told["finished_at"])
        assert f"sync/{told['run']}" == answer.headers["Location"]
        joined = await ask(service.port, "/external/sync?full=true", headers=KEY)
        assert (202, told["run"]) == (joined.status, joined.json()["run"])
        shown = await ended(service, urljoin("/external/sync", answer.headers["Location"]))
        assert ("done", PRODUCTS) == (shown["state"], shown["created"])


async def test_stopping_service_keeps_the_place(tmp_path: Path) -> None:
    """A service that stops answers those who wait for a sync, and the next one finishes it."""
    async with synced_service(tmp_path) as (service, partner_url):
        # The first page comes, and those after it do not.
        await fail(partner_url, {"kind": "latency", "times": 1}, {"kind": "hang"})
        asking = asyncio.create_task(ask(service.port, "/external/sync", headers=KEY))
        async with ClientSession(partner_url) as session:
            asked = 0
            while asked < 2:
                async with session.get("/control/stats") as response:
                    asked = (await response.json())["requests"].get("GET /products", 0)
                await asyncio.sleep(0.02)
        await service.app.shutdown()
        answer = await asking
        refused = problem(answer, 503, "unavailable")
        assert "its process stopped" in refused["detail"]
        run = answer.headers["Location"].rpartition("/")[2]
        problem(await ask(service.port, "/external/sync", headers=KEY), 503, "unavailable")
        await fail(partner_url)
        async with serving(settings_for(sqlite_url(tmp_path), **partner_settings(partner_url))) as successor:
            told = (await ask(successor.port, "/external/sync", headers=KEY)).json()
        assert (run, "done", PRODUCTS, PRODUCTS) == (told["run"], told["state"], told["fetched"], told["created"])


async def test_partner_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    """Without an answer from the partner the caller gets its problem, and the run is left for the next call."""
    async with synced_service(tmp_path) as (service, partner_url):
        await fail(partner_url, {"kind": "status", "status": 503, "retry_after_s": 600})
        answer = await ask(service.port, "/external/sync", headers=KEY)
        assert 503 == answer.status
        assert "/problems/partner-unavailable" == answer.json()["type"]
        await fail(partner_url, {"kind": "status", "status": 403})
        answer = await ask(service.port, "/external/sync", headers=KEY)
        assert (502, "/problems/partner-failed") == (answer.status, answer.json()["type"])


async def test_key_comes_first_then_the_settings(tmp_path: Path) -> None:
    """Without a key nothing is told; with one a missing setting is named, and no run begins."""
    async with synced_service(tmp_path, partner_url=None) as (service, _):
        for target in ("/external/sync", "/external/sync/whatever"):
            problem(await ask(service.port, target), 401, "unauthenticated")
        refused = problem(await ask(service.port, "/external/sync", headers=KEY), 503, "not-configured")
        assert "FARMLOKAL_PARTNER_URL is not set" == refused["detail"]
    async with open_database(sqlite_url(tmp_path)) as database:
        assert [] == await database.fetch("SELECT run FROM sync_runs")


@pytest.mark.parametrize("name", ["0123456789abcdef", "a" * 500, "%C3%A9", "%00"])
async def test_unknown_run_is_not_found(tmp_path: Path, name: str) -> None:
    """A run that never was is a 404 problem, whatever its name."""
    async with synced_service(tmp_path) as (service, _):
        problem(await ask(service.port, f"/external/sync/{name}", headers=KEY), 404, "not-found")
