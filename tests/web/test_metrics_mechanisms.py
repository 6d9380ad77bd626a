"""What the partner, the webhooks, the sync, the pool and the event loop tell of themselves."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from farmlokal.app.metrics import metric_writer
from farmlokal.app.metrics.loop_lag import LoopLag
from farmlokal.app.metrics.metric_sources import MetricSource, database_sources
from farmlokal.app.metrics.metric_writer import MetricWriter
from farmlokal.caching.entry import Entry
from farmlokal.caching.memory import MemoryTier, weight_of
from farmlokal.caching.value import Value
from farmlokal.database.interface import PoolUse
from farmlokal.settings import Settings
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET, FEED_SCOPE
from farmlokal.telemetry.board import Board
from tests.support.log_lines import at_level, logged
from tests.support.partner import FEED, TOKEN, partner_stand
from tests.support.products import catalogue
from tests.support.service import Service, open_database, serving, settings_for, sqlite_url
from tests.support.waiting import until
from tests.support.webhook_sender import PATH, SECRET, body_of, deliver, headers_for, post
from tests.web.scraping import Scrape, scrape

API_KEY = "a-key-of-the-tests-0123"
ALLOWED = {"X-API-Key": API_KEY}


async def with_partner(folder: Path, partner_url: str, **others: Any) -> Settings:
    """Settings of a service with a partner, webhooks and a key."""
    return settings_for(
        await catalogue(folder),
        api_keys=API_KEY,
        oauth_token_url=f"{partner_url}/oauth/token",
        oauth_client_id=CLIENT_ID,
        oauth_client_secret=CLIENT_SECRET,
        oauth_scope=FEED_SCOPE,
        partner_url=partner_url,
        webhook_secrets=SECRET,
        rate_limit="off",
        **others,
    )


async def sync(service: Service) -> int:
    """The status that a sync answers."""
    async with service.client.post("/external/sync", headers=ALLOWED) as response:
        await response.read()
        return response.status


async def test_the_partner_the_token_and_the_sync(tmp_path: Path) -> None:
    """Calls, attempts, the budget, tokens with their age and life, rows and ends of runs."""
    async with partner_stand(products=50) as partner, serving(await with_partner(tmp_path, partner.url)) as service:
        before = await scrape(service.client)
        assert 200 == await sync(service)
        # One retry: two attempts of one call.
        partner.fault({"kind": "status", "route": FEED, "status": 503, "times": 1})
        assert 200 == await sync(service)
        after = await scrape(service.client)
        partner.fault({"kind": "status", "route": FEED, "status": 400})
        assert 502 == await sync(service)
        failed = await scrape(service.client)
    for never in ("farmlokal_token_age_seconds", "farmlokal_token_expires_in_seconds"):
        assert before(never) != before(never), "NaN"
    assert {"succeeded": 2} == after.told("farmlokal_partner_calls_total", "result")
    assert 3 == after("farmlokal_partner_attempts_total") == partner.requests(FEED) - 1
    assert before("farmlokal_partner_retry_budget") - 1 <= after("farmlokal_partner_retry_budget") <= 10
    assert {"granted": 1} == after.told("farmlokal_token_requests_total", "result")
    assert 0 <= after("farmlokal_token_age_seconds") < 60
    assert 3500 < after("farmlokal_token_expires_in_seconds") <= 3600
    rows = after.told("farmlokal_sync_rows_total", "result")
    assert 50 == rows["created"]
    assert {"done": 2} == after.told("farmlokal_sync_runs_total", "state")
    assert {"done": 2, "failed": 1} == failed.told("farmlokal_sync_runs_total", "state")
    assert {"succeeded": 2, "failed": 1} == failed.told("farmlokal_partner_calls_total", "result")
    assert 0 == failed("farmlokal_sync_running")


async def test_a_running_sync_is_told(tmp_path: Path) -> None:
    """It runs in one process, and is told while it does."""
    async with partner_stand(products=50) as partner, serving(await with_partner(tmp_path, partner.url)) as service:
        partner.fault({"kind": "latency", "route": FEED, "latency_s": 1.0})
        syncing = asyncio.create_task(sync(service))
        deadline = time.monotonic() + 10
        running = 0.0
        while not running and time.monotonic() < deadline and not syncing.done():
            running = (await scrape(service.client))("farmlokal_sync_running")
            await asyncio.sleep(0.02)
        assert 200 == await syncing
    assert 1 == running


async def test_a_dead_partner_opens_its_breakers(tmp_path: Path) -> None:
    """The breaker of whoever failed is told as open, the others as closed."""
    async with partner_stand() as partner, serving(await with_partner(tmp_path, partner.url)) as service:
        partner.fault({"kind": "status", "route": TOKEN, "status": 503})
        assert 503 == await sync(service)
        await asyncio.sleep(1.1)  # a token that could not be had is not asked for again for a second
        assert 503 == await sync(service)
        told = await scrape(service.client)
    assert {"token-endpoint": 2} == told.told("farmlokal_breaker_state", "dependency")
    assert told("farmlokal_token_requests_total", result="failed") >= 2
    assert 0 == told("farmlokal_token_requests_total", result="granted")
    assert told("farmlokal_sync_runs_total", state="interrupted") >= 1


async def test_webhooks_are_told_by_what_they_did(tmp_path: Path) -> None:
    """Every delivery that was answered by the inbox or refused by its signature is one outcome."""
    product = {"source": "test", "external_id": "1"}
    async with partner_stand() as partner, serving(await with_partner(tmp_path, partner.url)) as service:
        before = await scrape(service.client)
        order = {"order_id": "A1", "source": "test", "external_id": "2", "quantity": 1}
        answers = [
            await deliver(service.client, "order.placed", order, event_id="one"),
            await deliver(service.client, "order.placed", order, event_id="one"),
            await deliver(service.client, "order.placed", {**order, "quantity": 2}, event_id="one"),
            await deliver(service.client, "order.placed", order, event_id="two"),
            await deliver(service.client, "order.cancelled", order),
            await deliver(service.client, "order.cancelled", {**order, "order_id": "B2"}),
            await deliver(service.client, "product.deleted", {**product, "version": 2}),
            await deliver(service.client, "something.else", {}),
            await post(service.client, b"{}", headers_for("three", b"other")),
        ]
        body = body_of("product.deleted", {**product, "version": 1})
        answers.append(await post(service.client, body, headers_for("four", body), url=PATH))
        told = await scrape(service.client)
    assert [200, 200, 409, 200, 200, 422, 200, 200, 401, 200] == [answer.status for answer in answers]
    assert {} == before.told("farmlokal_webhook_deliveries_total", "outcome")
    assert {
        "placed": 1,
        "duplicate": 1,
        "conflict": 1,
        "repeated": 1,
        "cancelled": 1,
        "dead": 1,
        "deleted": 1,
        "ignored": 1,
        "refused": 1,
        "outdated": 1,
    } == told.told("farmlokal_webhook_deliveries_total", "outcome")


async def test_the_inbox_and_the_last_sync_are_looked_up(tmp_path: Path) -> None:
    """A starting process finds what others left: rows by state, and when a sync was done last."""
    async with partner_stand(products=5) as partner:
        settings = await with_partner(tmp_path, partner.url)
        async with serving(settings) as service:
            await deliver(service.client, "something.else", {})
            await deliver(service.client, "order.placed", {"order_id": "?"})
            assert 200 == await sync(service)
        async with serving(settings) as service:
            told = await until_looked_up(service)
    assert {"done": 1, "dead": 1} == told.told("farmlokal_webhook_inbox_events", "state")
    assert abs(time.time() - told("farmlokal_sync_last_done_timestamp_seconds")) < 60


async def until_looked_up(service: Service) -> Scrape:
    """What is told once the first look into the tables is over."""
    for _ in range(200):
        told = await scrape(service.client)
        done_at = told("farmlokal_sync_last_done_timestamp_seconds")
        if done_at == done_at:
            return told
        await asyncio.sleep(0.05)
    raise AssertionError("nobody looked")


async def test_a_busy_event_loop_is_told() -> None:
    """A loop that was held up for 0.3 s shows it in the worst lag, and in the bucket."""
    lag = LoopLag()
    sampling = asyncio.create_task(lag.keep())
    await asyncio.sleep(0.15)
    time.sleep(0.4)  # noqa: ASYNC251 - this is the fault
    await asyncio.sleep(0.15)
    sampling.cancel()
    worst = {source.metric: source.read for source in lag.sources()}["farmlokal_event_loop_lag_max_seconds"]
    assert callable(worst)
    assert worst() > 0.25
    assert lag.times.total_s > 0.25


async def test_a_mechanism_that_cannot_tell_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next flush is made all the same, and the log says what is wrong."""
    monkeypatch.setattr(metric_writer, "FLUSH_EVERY_S", 0.01)
    board, answers = Board(), [3, 4, 5]

    def read() -> int:
        if len(answers) == 2:
            answers.pop()
            raise ZeroDivisionError
        return answers.pop() if answers else 6

    slot = board.acquire()
    writer = MetricWriter(slot, [MetricSource("farmlokal_cache_collapsed_total", "", read)])
    with logged() as events:
        keeping = asyncio.create_task(writer.keep())
        await until(lambda: slot.values[slot.place("farmlokal_cache_collapsed_total")] == 6)
        keeping.cancel()
    assert 1 == len(at_level(events, "error"))


def test_a_reading_of_no_metric_is_a_mistake() -> None:
    """A label's value that the table does not have is refused at the start, not told."""
    with pytest.raises(ValueError, match="has no series 'perhaps'"):
        MetricWriter(Board().acquire(), [MetricSource("farmlokal_origin_loads_total", "perhaps", int)])


def test_what_leaves_memory_is_an_eviction() -> None:
    """Of fifty entries in room for twenty, those that are not there any more have been evicted."""
    entry = Entry(Value(b"x" * 100), 0.0, 1.0, 2.0)
    tier = MemoryTier(20 * weight_of("00", entry))
    for number in range(50):
        tier.put(f"{number:02d}", entry)
    assert 50 - len(tier) == tier.evictions > 0


_SLOW = {
    "mysql": "SELECT SLEEP(0.5)",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x < 999999) SELECT COUNT(*) FROM n",
}


@pytest.mark.parametrize("backend", ["mysql_url", "sqlite"])
async def test_the_pool_tells_who_works_and_who_waits(
    tmp_path: Path, request: pytest.FixtureRequest, backend: str
) -> None:
    """Six at once on four connections: two wait; afterwards all are idle."""
    url = sqlite_url(tmp_path) if backend == "sqlite" else request.getfixturevalue(backend)
    async with open_database(url, pool_size=4) as database:
        told = {source.metric + source.value: source.read for source in database_sources(database)}
        asking = [asyncio.create_task(database.fetch_unlimited(_SLOW[database.dialect.name])) for _ in range(6)]
        uses = []
        while not all(task.done() for task in asking):
            uses.append((database.pool_use.used, database.pool_use.waiting))
            await asyncio.sleep(0.01)
        await asyncio.gather(*asking)
        assert (4, 2) in uses
        assert PoolUse(0, 4, 0) == database.pool_use
        used = told["farmlokal_database_pool_connectionsused"]
        assert callable(used)
        assert 0 == used()
