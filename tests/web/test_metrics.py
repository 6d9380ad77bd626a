"""`GET /metrics` of one process: every answer is counted once, and every series is there from the start."""

import asyncio
import math
import random
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import ClientSession

from farmlokal.app.metrics import probes
from farmlokal.errors import Unavailable
from farmlokal.telemetry.metrics import METRICS, Kind
from farmlokal.web import keys
from farmlokal.web.edge.request_counts import METHODS, OTHER, STATUSES, UNMATCHED
from tests.servers.process import free_port
from tests.support.own_servers import StartMariaDB
from tests.support.products import catalogue, product
from tests.support.raw_requests import ask, exchange
from tests.support.service import Service, fill, serving, settings_for
from tests.web.scraping import REQUESTS, SECONDS, Scrape, scrape
from tests.web.watched_store import watch_store

WEBHOOK = "/external/webhook"

# Its turn is a question to the cache, and counted; what it counted is an invalidation.
pytestmark = pytest.mark.usefixtures("directory_uncounted")


def new_answers(before: Scrape, after: Scrape) -> dict[tuple[str, str, int], int]:
    """What was counted between two scrapes. The first of them itself is: an answer is counted when it is made."""
    counted = Counter(after.requests())
    counted.subtract(before.requests())
    counted.subtract({("/metrics", "GET", 200): 1})
    return {key: number for key, number in counted.items() if number}


@pytest.mark.parametrize("hot_path", ["on", "off"])
async def test_every_answer_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hot_path: str) -> None:
    """By route, method and status; also what a preflight, the parser, a limit or a bug of ours answers."""
    settings = settings_for(
        await catalogue(tmp_path), cors_origins="https://a.example", rate_limit="token=1/hour", hot_path=hot_path
    )
    async with serving(settings) as service:
        before = await scrape(service.client)
        etag = (await ask(service.port, "/products")).headers["ETag"]
        for asked in ({}, {"If-None-Match": etag}):
            for _ in range(2):
                async with service.client.get(
                    "/products", headers={"Accept-Encoding": "identity", **asked}
                ) as response:
                    await response.read()
        await ask(service.port, "/products", method="HEAD")
        await ask(service.port, "/products?limit=0")
        await ask(service.port, "/products", method="DELETE")
        await ask(service.port, "/products", method="PROPFIND")
        await ask(service.port, "/products/1")
        await ask(service.port, "/products/99999999")
        await ask(service.port, "/nothing/here")
        await ask(service.port, f"/products?{'a' * 9000}")
        await ask(service.port, "/products", headers=f"X-Long: {'a' * 9000}\r\n")
        await exchange(service.port, b"rubbish\r\n\r\n")
        await ask(service.port, "/products/1", headers="Expect: wonders\r\n")
        preflight = "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n"
        await ask(service.port, "/products", method="OPTIONS", headers=preflight)
        await ask(service.port, WEBHOOK, method="POST", headers="Content-Length: 0\r\n")
        for _ in range(3):
            await ask(service.port, "/auth/token")
        monkeypatch.setattr(service.app[keys.CATEGORY_COUNTS], "get", None)
        await ask(service.port, "/categories")
        after = await scrape(service.client)
    assert {
        ("/products", "GET", 200): 3,
        ("/products", "GET", 304): 2,
        ("/products", "HEAD", 200): 1,
        ("/products", "GET", 400): 1,
        (UNMATCHED, "DELETE", 405): 1,
        (UNMATCHED, OTHER, 405): 1,
        ("/products", "OPTIONS", 204): 1,
        ("/products/{id}", "GET", 200): 1,
        ("/products/{id}", "GET", 404): 1,
        ("/products/{id}", "GET", 417): 1,
        ("/auth/token", "GET", 403): 1,
        ("/auth/token", "GET", 429): 2,
        (WEBHOOK, "POST", 503): 1,
        ("/categories", "GET", 500): 1,
        (UNMATCHED, "GET", 404): 1,
        (UNMATCHED, OTHER, 400): 1,
        (UNMATCHED, OTHER, 414): 1,
        (UNMATCHED, OTHER, 431): 1,
    } == new_answers(before, after)
    assert (4 if hot_path == "on" else 0) == after("farmlokal_hot_path_answers_total")
    for route in ("/products", UNMATCHED):
        assert sum(number for key, number in after.requests().items() if key[0] == route) == after(
            f"{SECONDS}_count", route=route
        )
    assert 2 == after("farmlokal_rate_limit_refusals_total", quota="token")


async def test_who_has_an_answer_finds_it_counted(tmp_path: Path) -> None:
    """A scrape that follows an answer has it, always: an answer is counted before its first byte goes out."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        for number in range(1, 30):
            await ask(service.port, "/products?limit=3")
            told = await scrape(service.client)
            assert number == told(REQUESTS, route="/products", method="GET", status=200)


async def test_every_metric_is_there_from_the_start(tmp_path: Path) -> None:
    """With each value of its label, so that an alert rule finds it; and there is none that the table does not name."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        told = await scrape(service.client)
    families = {family.name: family for family in told.families if family.name.startswith("farmlokal_")}
    assert {metric.name.removesuffix("_total") for metric in METRICS} == families.keys()
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (metric.kind, metric.meaning) == (family.type, family.documentation)
        name = metric.name + ("_count" if metric.kind is Kind.HISTOGRAM else "")
        series = [sample.labels for sample in family.samples if sample.name == name]
        assert series
        assert {metric.labels} == {tuple(sorted(labels, key=metric.labels.index)) for labels in series}
        if metric.values:
            assert set(metric.values) == {labels[metric.label] for labels in series}
    for route in ("/products", "/external/webhook"):
        method = "POST" if route == "/external/webhook" else "GET"
        for status in (200, 429, 500, 503):
            assert 0 == told(REQUESTS, route=route, method=method, status=status)


async def test_no_request_makes_series_by_its_content(tmp_path: Path) -> None:
    """After one of each kind, 5,000 random paths, methods, parameters and hosts leave the number of series as it is."""
    draws = random.Random(8)

    def word() -> str:
        return "".join(draws.choices("abcdefghijklmnopqrstuvwxyz0123456789-_.~%", k=draws.randint(1, 30)))

    paths = (
        "/products",
        "/products/{}",
        "/categories",
        "/external/sync/{}",
        "/{}",
        "/products/{}/{}",
        "/docs/{}",
        "/docs/",
        "/",
    )
    methods = ("GET", "POST", "DELETE", "HEAD", "PROPFIND")

    async def one(client: ClientSession, path: str, method: str) -> None:
        target = f"{path.format(word(), word())}?{word()}={word()}"
        headers = {"Host": f"{word()}.example", "X-Request-ID": word(), "User-Agent": word(), "X-API-Key": word()}
        async with client.request(method, target, headers=headers, allow_redirects=False) as response:
            await response.read()

    async with serving(settings_for(await catalogue(tmp_path), rate_limit="off")) as service:
        for path in paths:
            for method in methods:
                await one(service.client, path, method)
        before = await scrape(service.client)
        for _ in range(100):
            await asyncio.gather(*(one(service.client, draws.choice(paths), draws.choice(methods)) for _ in range(50)))
        after = await scrape(service.client)
        routes = {route.resource.canonical for route in service.app.router.routes() if route.resource is not None}
    assert before.numbers.keys() == after.numbers.keys()
    assert 5000 <= sum(new_answers(before, after).values())
    for route, method, status in after.requests():
        assert route in routes | {UNMATCHED}
        assert method in (*METHODS, OTHER)
        assert status in STATUSES


async def test_openmetrics_for_whoever_asks_for_it(tmp_path: Path) -> None:
    """The format follows `Accept`, as prometheus-client has it."""
    wanted = "application/openmetrics-text; version=1.0.0"
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        plain = await ask(service.port, "/metrics", headers="Accept: text/plain\r\n")
        opened = await ask(service.port, "/metrics", headers=f"Accept: {wanted}\r\n")
    assert plain.headers["Content-Type"].startswith("text/plain; version=")
    assert opened.headers["Content-Type"].startswith(wanted)
    assert (False, True) == (plain.body.endswith(b"# EOF\n"), opened.body.endswith(b"# EOF\n"))


async def test_the_cache_tells_where_its_answers_came_from(tmp_path: Path, redis_url: str) -> None:
    """Misses, hits of either tier, negative ones, stale ones, followers, loads, leases and what memory holds."""
    url = await catalogue(tmp_path)
    shared = {"redis_url": redis_url, "redis_wait_ms": 3000, "rate_limit": "off"}
    async with serving(settings_for(url, **shared)) as service:
        await ask(service.port, "/products")
        await ask(service.port, "/products")
        await ask(service.port, "/products/99999999")
        await ask(service.port, "/products/99999999")
        await ask(service.port, "/products/1")
        store = watch_store(service.app)
        store.gate = asyncio.Event()
        asked = [asyncio.create_task(ask(service.port, "/products?limit=7")) for _ in range(3)]
        assert 1 == await eventually(service, "farmlokal_origin_loads_running", 1)
        await ask(service.port, "/livez")  # connected after the others, and so answered after they were heard
        store.gate.set()
        await asyncio.gather(*asked)
        store.fault = Unavailable("the test says so")
        assert 503 == (await ask(service.port, "/products?limit=8")).status
        await service.app[keys.CACHE].invalidate(["products"])
        told = await scrape(service.client)
        await service.app[keys.CACHE].settle()
    assert {"memory": 1, "negative": 1, "miss": 6} == told.told("farmlokal_cache_lookups_total", "outcome")
    assert 2 == told("farmlokal_cache_collapsed_total")
    loads = told.told("farmlokal_origin_loads_total", "result")
    assert loads["failed"] >= 1
    assert loads["loaded"] >= 3
    assert sum(loads.values()) == told("farmlokal_origin_load_seconds_count")
    assert told("farmlokal_origin_wait_seconds_count") >= sum(loads.values())
    assert sum(loads.values()) == told("farmlokal_cache_leases_total", result="granted")
    assert 1 == told("farmlokal_cache_invalidations_total")
    assert told("farmlokal_cache_memory_entries") >= 3
    assert told("farmlokal_cache_memory_bytes") > 3000
    async with serving(settings_for(url, **shared)) as service:
        await ask(service.port, "/products/1")
        await ask(service.port, "/products?limit=7")
        told = await scrape(service.client)
    assert {"redis": 1, "stale": 1} == told.told("farmlokal_cache_lookups_total", "outcome")


async def test_a_dead_database_does_not_break_the_scrape(
    monkeypatch: pytest.MonkeyPatch, own_mariadb: StartMariaDB
) -> None:
    """Without its database the service is scraped as ever, and tells that it is down."""
    monkeypatch.setattr(probes, "_PROBE_EVERY_S", 0.2)
    server = own_mariadb()
    server.create_database("farmlokal")
    url = server.url("farmlokal")
    await fill(url, [product(1)])
    async with serving(settings_for(url)) as service:
        assert 1 == await eventually(service, "farmlokal_dependency_up", 1, dependency="database")
        server.kill()
        async with asyncio.timeout(10):
            told = await scrape(service.client)
        assert 1 == told("farmlokal_ready")
        assert 0 == await eventually(service, "farmlokal_dependency_up", 0, dependency="database")
        assert math.isnan(told("farmlokal_dependency_up", dependency="redis"))


async def test_a_dead_redis_is_told_by_everything_that_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its breaker, the leases that could not be had, and the limit that each process holds for itself."""
    monkeypatch.setattr(probes, "_PROBE_EVERY_S", 0.2)
    url = f"redis://127.0.0.1:{free_port()}"
    settings = settings_for(await catalogue(tmp_path), redis_url=url, rate_limit="default=1200/minute")
    async with serving(settings) as service:
        for limit in range(1, 6):
            assert 200 == (await ask(service.port, f"/products?limit={limit}")).status
        told = await scrape(service.client)
        assert 0 == await eventually(service, "farmlokal_dependency_up", 0, dependency="redis")
    assert {"miss": 5} == told.told("farmlokal_cache_lookups_total", "outcome")
    assert told("farmlokal_cache_leases_total", result="unavailable") >= 5
    assert told("farmlokal_breaker_state", dependency="redis") in (1, 2)
    assert 0 == told("farmlokal_breaker_state", dependency="partner")
    assert 0 == told("farmlokal_rate_limit_shared")
    assert 1 == told("farmlokal_rate_limit_clients")


async def eventually(service: Service, name: str, expected: float, **labels: str) -> float:
    """What a series tells, once it is `expected` or the time for that is over."""
    deadline = asyncio.get_running_loop().time() + 20
    while True:
        found = (await scrape(service.client))(name, **labels)
        if found == expected or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.1)
