"""`/livez` and `/readyz`: what an orchestrator and a load balancer are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from redis.exceptions import ConnectionError as RedisConnectionError

from farmlokal.app.factory import create_app
from farmlokal.app.server import drain
from farmlokal.errors import DatabaseUnavailable
from farmlokal.web import keys
from farmlokal.web.edge import lifecycle
from farmlokal.web.edge.lifecycle import Health, Phase, Probe
from farmlokal.web.handlers.health import show_liveness, show_readiness
from tests.support.lateness import within
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, ask
from tests.support.service import serving, settings_for
from tests.support.waiting import eventually


async def answers() -> None:
    """A dependency that is up."""


async def is_slow() -> None:
    """A dependency that takes its time."""
    await asyncio.sleep(0.3)


async def hangs() -> None:
    """A dependency that never answers."""
    await asyncio.Event().wait()


def fails(error: Exception) -> Probe:
    """A dependency whose driver raises `error`."""

    async def probe() -> None:
        raise error

    return probe


@asynccontextmanager
async def health_of(**probes: Probe) -> AsyncIterator[tuple[Health, ClientSession]]:
    """The two routes over `probes`, and a client of them."""
    app = web.Application()
    health = Health(probes)
    app[keys.HEALTH] = health
    app.add_routes([web.get("/livez", show_liveness), web.get("/readyz", show_readiness)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield health, client
    finally:
        await runner.cleanup()


async def report(client: ClientSession) -> tuple[int, dict[str, Any]]:
    """Status and body of `/readyz`."""
    async with client.get("/readyz") as response:
        assert "no-store" == response.headers["Cache-Control"]
        return response.status, await response.json()


async def test_ready_names_each_dependency_with_its_latency(tmp_path: Path, redis_url: str) -> None:
    """A service that has started is ready, and says how long its database and its Redis take."""
    async with serving(settings_for(await catalogue(tmp_path), redis_url=redis_url)) as service:
        # A busy machine may hold one up for longer than it is waited for.
        answer = await eventually(lambda: ask(service.port, "/readyz"), lambda found: "down" not in states(found))
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])
    content = answer.json()
    assert ("ready", ["database", "redis"]) == (content["status"], list(content["dependencies"]))
    for dependency in content["dependencies"].values():
        assert dependency["state"] in ("up", "degraded")
        assert 0 <= dependency["latency_ms"]


def states(answer: Answer) -> list[str]:
    """The state of each dependency."""
    return [dependency["state"] for dependency in answer.json()["dependencies"].values()]


async def test_without_redis_only_the_database_is_named(tmp_path: Path) -> None:
    """What is not configured is no dependency."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        assert ["database"] == list((await ask(service.port, "/readyz")).json()["dependencies"])


async def test_starting_and_draining_are_not_ready() -> None:
    """Only between start and stop does the process ask for traffic, whatever its dependencies say."""
    async with health_of(database=answers) as (health, client):
        assert (503, "starting") == ((found := await report(client))[0], found[1]["status"])
        health.phase = Phase.READY
        assert (200, "ready") == ((found := await report(client))[0], found[1]["status"])
        health.phase = Phase.DRAINING
        assert (503, "draining") == ((found := await report(client))[0], found[1]["status"])


async def test_who_is_told_to_stop_while_it_starts_never_becomes_ready(tmp_path: Path) -> None:
    """Else connections would not be told to close, and whoever keeps one would lose a request at its end."""
    app = create_app(settings_for(await catalogue(tmp_path)))
    app[keys.HEALTH].phase = Phase.DRAINING
    runner = web.AppRunner(app)
    await runner.setup()
    assert Phase.DRAINING is app[keys.HEALTH].phase
    await runner.cleanup()


async def test_a_draining_service_still_answers(tmp_path: Path) -> None:
    """While load balancers turn away the service goes on serving; only `/readyz` says that it will not for long."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        draining = asyncio.create_task(drain(service.runner, 30))
        await asyncio.sleep(0)
        assert 503 == (await ask(service.port, "/readyz")).status
        assert 200 == (await ask(service.port, "/products")).status
        assert 200 == (await ask(service.port, "/livez")).status
        draining.cancel()
    assert Phase.DRAINING is service.app[keys.HEALTH].phase


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DatabaseUnavailable("away"), "away"),
        (RedisConnectionError("cannot connect to 10.0.0.7"), "ConnectionError"),
        (ConnectionRefusedError(), "ConnectionRefusedError"),
        (TimeoutError(), "no answer in time"),
        (RuntimeError("what a driver may think of"), "RuntimeError"),
    ],
    ids=repr,
)
async def test_a_dead_dependency_is_down_and_the_process_still_ready(error: Exception, reason: str) -> None:
    """Whatever a driver raises its dependency is down; the process can serve hits, and stays in rotation.

    The reason is a text of ours, or the kind of the driver's error, whose text may have names and addresses.
    """
    async with health_of(database=fails(error), redis=answers) as (health, client):
        health.phase = Phase.READY
        status, content = await report(client)
    assert (200, "ready") == (status, content["status"])
    assert {"state": "down", "latency_ms": None, "reason": reason} == content["dependencies"]["database"]
    assert ("up", False) == ((redis := content["dependencies"]["redis"])["state"], "reason" in redis)


async def test_a_dependency_that_refuses_a_part_is_degraded() -> None:
    """A probe that returns a reason has its dependency called degraded, however quick it was."""

    async def refuses() -> str:
        return "no permission"

    async with health_of(redis=refuses) as (_, client):
        redis = (await report(client))[1]["dependencies"]["redis"]
    assert ("degraded", "no permission") == (redis["state"], redis["reason"])
    assert redis["latency_ms"] < 1000


async def test_slow_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow dependency is named as such."""
    # Longer than a busy machine holds anybody up.
    monkeypatch.setattr(lifecycle, "_PROBE_WAIT_MAX_S", 60)
    async with health_of(slow=is_slow) as (health, client):
        health.phase = Phase.READY
        status, content = await report(client)
    slow = content["dependencies"]["slow"]
    assert (200, "degraded", "it takes more than 250 ms") == (status, slow["state"], slow["reason"])
    assert slow["latency_ms"] >= 300


async def test_hanging_is_down_in_bounded_time() -> None:
    """One that hangs delays the report by a second and no more, and takes no other one along."""
    async with health_of(well=answers, hanging=hangs) as (health, client):
        health.phase = Phase.READY
        async with within(1.5):
            status, content = await report(client)
    well, hanging = (content["dependencies"][name] for name in ("well", "hanging"))
    assert (200, "up", "down") == (status, well["state"], hanging["state"])
    assert "no answer in time" == hanging["reason"]


async def test_liveness_asks_no_dependency() -> None:
    """`/livez` answers at once beside a dependency that hangs, and never looks at one."""
    looked = 0

    async def counts() -> None:
        nonlocal looked
        looked += 1
        await hangs()

    async with health_of(database=counts) as (health, client):
        for health.phase in Phase:
            async with asyncio.timeout(10), client.get("/livez") as response:
                assert (200, {"status": "alive"}) == (response.status, await response.json())
                assert "no-store" == response.headers["Cache-Control"]
    assert 0 == looked


async def test_many_probes_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred load balancers asking at once cost each dependency one question."""
    # A busy machine may take longer than a second to hear all of them.
    monkeypatch.setattr(lifecycle, "_REPORT_KEPT_S", 60)
    looked = 0

    async def counts() -> None:
        nonlocal looked
        looked += 1
        await asyncio.sleep(0.05)

    async with health_of(database=counts) as (_, client):
        await asyncio.gather(*(report(client) for _ in range(100)))
    assert 1 == looked
