"""The partner's faults: each as it is ordered, where it is ordered, and no longer."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientError
from pytest_aiohttp import AiohttpClient

from tests.simulator.simulated_partner import SimulatedPartner, start_partner

FEED = "GET /products"


@pytest.fixture
async def harness(aiohttp_client: AiohttpClient) -> SimulatedPartner:
    """A partner of its own for each test."""
    return await start_partner(aiohttp_client)


async def order(harness: SimulatedPartner, *faults: dict[str, Any], **plan: Any) -> tuple[int, dict[str, Any]]:
    """Put these faults in force; the control route's status and answer."""
    async with harness.client.post("/control/faults", json={"faults": faults, **plan}) as response:
        return response.status, await response.json()


async def read(harness: SimulatedPartner) -> tuple[int, str, bytes]:
    """Status, content type and body of a page of the feed."""
    async with harness.client.get("/products?page_size=5", headers=harness.bearer) as response:
        return response.status, response.content_type, await response.read()


async def test_a_fault_hits_its_route_so_many_times(harness: SimulatedPartner) -> None:
    """Two pages fail and the third is whole; another route never fails, and the control routes cannot."""
    await order(harness, {"kind": "status", "route": FEED, "status": 502, "times": 2})
    assert [502, 502, 200] == [(await read(harness))[0] for _ in range(3)]
    await order(harness, {"kind": "status"})
    assert 503 == (await read(harness))[0]
    assert {"status": 3} == (await harness.stats())["faults"]
    assert (200, {"faults": [], "seed": 0}) == await order(harness)
    assert 200 == (await read(harness))[0]


async def test_chance_is_the_same_for_the_same_seed(harness: SimulatedPartner) -> None:
    """A rate of one half hits about half of the requests, and the same ones at each repetition."""
    runs = []
    for seed in (1, 1, 2):
        await order(harness, {"kind": "status", "rate": 0.5}, seed=seed)
        runs.append([(await read(harness))[0] for _ in range(100)])
    assert runs[0] == runs[1] != runs[2]
    assert 30 < runs[0].count(503) < 70


@pytest.mark.parametrize(("as_date", "form"), [(False, "7"), (True, "GMT")])
async def test_retry_after_has_two_forms(harness: SimulatedPartner, as_date: bool, form: str) -> None:
    """Seconds, or a date."""
    await order(harness, {"kind": "status", "status": 429, "retry_after_s": 7, "retry_after_as_date": as_date})
    async with harness.client.get("/products") as response:
        assert (429, True) == (response.status, response.headers["Retry-After"].endswith(form))


async def test_answers_that_are_spoilt(harness: SimulatedPartner) -> None:
    """Half of the JSON with a matching length, or a page of HTML; a redirect to wherever it is told."""
    whole = (await read(harness))[2]
    await order(harness, {"kind": "truncated"})
    assert (200, "application/json", whole[: len(whole) // 2]) == await read(harness)
    await order(harness, {"kind": "content_type"})
    assert (200, "text/html") == (await read(harness))[:2]
    await order(harness, {"kind": "redirect", "location": "https://elsewhere.example/"})
    async with harness.client.get("/products", allow_redirects=False) as response:
        assert (302, "https://elsewhere.example/") == (response.status, response.headers["Location"])


@pytest.mark.parametrize("kind", ["reset", "refuse"])
async def test_connections_that_break(harness: SimulatedPartner, kind: str) -> None:
    """In the middle of the body, or before a word was said."""
    await order(harness, {"kind": kind})
    with pytest.raises(ClientError):
        await read(harness)


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "latency", "latency_s": 30}])
async def test_answers_that_do_not_come(harness: SimulatedPartner, fault: dict[str, Any]) -> None:
    """Nothing for longer than anybody waits."""
    await order(harness, fault)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(harness), 0.1)


async def test_tokens_that_do_not_last(harness: SimulatedPartner) -> None:
    """Revoked by the request that carries it, all at once, or worth nothing from the start."""
    await order(harness, {"kind": "revoke", "route": FEED, "times": 1})
    assert [401, 401] == [(await read(harness))[0] for _ in range(2)]
    form = {"grant_type": "client_credentials", "client_id": "farmlokal", "client_secret": "not-a-secret"}
    await order(harness, {"kind": "bad_token", "route": "POST /oauth/token", "times": 1})
    expected = []
    for _ in range(2):
        async with harness.client.post("/oauth/token", data=form) as response:
            harness.token = (await response.json())["access_token"]
        expected.append((await read(harness))[0])
    assert [401, 200] == expected
    async with harness.client.post("/control/revoke") as response:
        assert {"revoked": 1} == await response.json()
    assert 401 == (await read(harness))[0]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "gremlins"}, "faults.0.kind"),
        ({"kind": "hang", "rate": 0}, "faults.0.rate"),
        ({"kind": "hang", "times": 0}, "faults.0.times"),
        ({"kind": "latency", "latency_s": 3600}, "faults.0.latency_s"),
        ({"kind": "status", "status": 200}, "faults.0.status"),
        ({"kind": "hang", "loudness": 11}, "faults.0.loudness"),
    ],
)
async def test_an_impossible_order_is_refused(harness: SimulatedPartner, fault: dict[str, Any], named: str) -> None:
    """The answer names what is wrong, and what was in force stays so."""
    await order(harness, {"kind": "status"})
    status, refused = await order(harness, fault)
    assert 400 == status
    assert named in refused["error_description"]
    assert 503 == (await read(harness))[0]
