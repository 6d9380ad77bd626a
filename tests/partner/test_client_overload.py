"""The client against a partner that is dead: attempts within the budget, an open breaker, few probes, no leaks."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from farmlokal.errors import PartnerError, PartnerUnavailable
from farmlokal.partner.client import PartnerClient
from farmlokal.resilience.breaker import BreakerState
from tests.support.partner import FEED, LIMITS, PartnerStand, connections_in_use, guards_of, partner_stand, stop_clock
from tests.support.waiting import until

CALLS = 1000


@pytest.fixture
async def partner() -> AsyncIterator[PartnerStand]:
    """A partner of its own for each test."""
    async with partner_stand() as standing:
        yield standing


async def many(client: PartnerClient, calls: int = CALLS) -> list[BaseException | object]:
    """What so many calls at once came to."""
    results: list[BaseException | object] = await asyncio.gather(
        *(client.get_json("/products", {"page_size": "1"}) for _ in range(calls)), return_exceptions=True
    )
    return results


@pytest.mark.parametrize("kind", ["status", "refuse", "reset"])
async def test_without_budget_and_breaker_a_dead_partner_is_hammered(partner: PartnerStand, kind: str) -> None:
    """What the guards are for: retries alone multiply the load by the number of attempts."""
    connection = partner.connect(limits=LIMITS._replace(breaker_failures_max=10**9, retry_share=9.0, retry_floor=10**9))
    partner.fault({"kind": kind, "route": FEED})
    await many(connection.client, 200)
    assert 800 == partner.requests(FEED)


@pytest.mark.parametrize("kind", ["status", "refuse", "reset"])
async def test_attempts_stay_within_the_retry_budget(partner: PartnerStand, kind: str) -> None:
    """1,000 calls that all fail make at most (1 + budget) times as many attempts, without the breaker's help."""
    connection = partner.connect(limits=LIMITS._replace(breaker_failures_max=10**9))
    stop_clock(connection)
    partner.fault({"kind": kind, "route": FEED})
    results = await many(connection.client)
    assert all(isinstance(result, PartnerError) for result in results)
    stats = connection.client.stats
    assert partner.requests(FEED) == stats.attempts
    assert CALLS < stats.attempts <= CALLS * (1 + LIMITS.retry_share) + LIMITS.retry_floor
    assert (CALLS, CALLS, 0) == (stats.calls, stats.failed, connections_in_use(connection))


async def test_the_breaker_opens_and_says_so_once(partner: PartnerStand) -> None:
    """A dead partner hears of few of 1,000 calls; the others fail at once, and are told when to come back."""
    connection = partner.connect()
    stop_clock(connection)
    partner.fault({"kind": "status", "route": FEED, "status": 500})
    with capture_logs() as events:
        results = await many(connection.client)
    assert all(isinstance(result, PartnerError) for result in results)
    # Those under way when it opened, and the failures that opened it.
    assert partner.requests(FEED) <= LIMITS.breaker_failures_max + LIMITS.concurrency
    assert connection.client.stats.breaker_refusals >= CALLS - LIMITS.breaker_failures_max - LIMITS.concurrency
    assert BreakerState.OPEN is guards_of(connection).breaker.state
    assert [BreakerState.OPEN] == [
        e["breaker"] for e in events if e["event"] == "the partner is left alone for a while"
    ]
    assert isinstance(results[-1], PartnerUnavailable)
    assert 1 == results[-1].retry_after_s
    assert 0 == connections_in_use(connection)


async def test_calls_that_an_open_breaker_refuses_earn_no_retries(partner: PartnerStand) -> None:
    """What a dead partner was spared is not held against it when it comes back: it would be a storm of retries."""
    connection = partner.connect()
    stop_clock(connection)
    partner.fault({"kind": "status", "route": FEED, "status": 500})
    await many(connection.client)
    before = guards_of(connection).budget.left
    await many(connection.client)
    assert before == guards_of(connection).budget.left


async def test_half_open_admits_its_probe_alone(partner: PartnerStand) -> None:
    """After the pause one of 1,000 calls probes and fails, and nobody else asks; then one succeeds, and all may."""
    connection = partner.connect()
    client, clock = connection.client, stop_clock(connection)
    partner.fault({"kind": "status", "route": FEED, "status": 500})
    await many(client, 50)
    for _ in range(2):
        clock.now_s += LIMITS.breaker_open_s + 0.01
        before = partner.requests(FEED)
        await many(client)
        assert 1 == partner.requests(FEED) - before
    partner.fault()
    clock.now_s += LIMITS.breaker_open_s + 0.01
    await client.get_json("/products")
    assert [] == [result for result in await many(client, 100) if isinstance(result, BaseException)]


async def test_a_cancelled_probe_frees_its_slot(partner: PartnerStand) -> None:
    """A caller that goes away in the middle of a probe leaves the next one able to probe."""
    connection = partner.connect()
    client, clock = connection.client, stop_clock(connection)
    partner.fault({"kind": "status", "route": FEED, "status": 500})
    await many(client, 50)
    partner.fault({"kind": "hang", "route": FEED})
    clock.now_s += LIMITS.breaker_open_s + 0.01
    asked = partner.requests(FEED)
    probe = asyncio.create_task(client.get_json("/products"))
    await until(lambda: partner.requests(FEED) > asked)
    with pytest.raises(PartnerUnavailable, match="left alone"):
        await client.get_json("/products")
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    partner.fault()
    await client.get_json("/products")
    assert (BreakerState.CLOSED, 0) == (guards_of(connection).breaker.state, connections_in_use(connection))


async def test_a_hanging_partner_holds_no_more_than_the_bulkhead(partner: PartnerStand) -> None:
    """Calls beyond the slots wait for a stated time and are refused; the slots come back."""
    connection = partner.connect(
        limits=LIMITS._replace(concurrency=2, slot_wait_max_s=0.1, attempts_max=1, breaker_failures_max=100)
    )
    await connection.client.get_json("/products")
    partner.fault({"kind": "hang", "route": FEED})
    tasks = [asyncio.create_task(connection.client.get_json("/products")) for _ in range(20)]
    await until(lambda: sum(task.done() for task in tasks) == 18)
    assert "<Bulkhead slots=2 taken=2 waiting=0>" == repr(guards_of(connection).bulkhead)
    partner.fault()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert 18 == sum("too many calls" in str(result) for result in results)
    assert "<Bulkhead slots=2 taken=0 waiting=0>" == repr(guards_of(connection).bulkhead)
    assert (18, 0) == (connection.client.stats.bulkhead_refusals, connections_in_use(connection))


async def test_cancelled_calls_leak_nothing(partner: PartnerStand) -> None:
    """Callers that go away in the middle of everything leave no connection and no slot behind."""
    connection = partner.connect(limits=LIMITS._replace(breaker_failures_max=10**9))
    partner.fault({"kind": "hang", "route": FEED, "rate": 0.5}, {"kind": "status", "route": FEED, "rate": 0.5})
    tasks = [asyncio.create_task(connection.client.get_json("/products")) for _ in range(200)]
    await until(lambda: partner.requests(FEED) > LIMITS.concurrency)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert "<Bulkhead slots=16 taken=0 waiting=0>" == repr(guards_of(connection).bulkhead)
    assert 0 == connections_in_use(connection)


async def test_a_call_tells_its_story_and_no_secret(partner: PartnerStand) -> None:
    """The log line of a call has its attempts, waits and the breaker's state; neither query nor token."""
    connection = partner.connect()
    partner.fault({"kind": "status", "route": FEED, "times": 2})
    with capture_logs() as events:
        await connection.client.get_json("/products", {"page_size": "7"})
    (event,) = [event for event in events if event.get("path") == "/products"]
    assert ("partner call", "GET", 200, 3, BreakerState.CLOSED) == tuple(
        event[name] for name in ("event", "method", "status", "attempts", "breaker")
    )
    assert event["waited_s"] >= 0
    assert "page_size" not in str(events)
    assert (await connection.tokens.get()).access_token not in str(events)
