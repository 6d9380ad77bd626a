"""The token cache: renewed under load, alive while the endpoint is not, and never shared by two questions."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from farmlokal.caching.second_tier import LEASE_MS, Lease
from farmlokal.errors import PartnerError, PartnerFailed, PartnerUnavailable
from farmlokal.partner import tokens as token_cache
from farmlokal.partner.token import Token
from farmlokal.partner.tokens import TokenCache
from farmlokal.simulator.credentials import CLIENT_SECRET, FEED_SCOPE
from tests.support.clock import StillClock
from tests.support.lateness import lateness
from tests.support.partner import FEED, OTHER_SCOPE, TOKEN, PartnerStand, partner_stand, shared_tier

CALLS = 100


@pytest.fixture
async def partner() -> AsyncIterator[PartnerStand]:
    """A partner of its own for each test."""
    async with partner_stand() as standing:
        yield standing


async def gets(tokens: TokenCache, calls: int = CALLS) -> set[str]:
    """The different tokens that so many callers at once are given."""
    return {token.access_token for token in await asyncio.gather(*(tokens.get() for _ in range(calls)))}


def at_once(waiting: Coroutine[Any, Any, Token]) -> Token:
    """What `waiting` gives without waiting for anything."""
    try:
        waiting.send(None)
    except StopIteration as done:
        token: Token = done.value
        return token
    waiting.close()
    raise AssertionError("the caller had to wait")


def renewals_failed(events: Sequence[Mapping[str, Any]]) -> int:
    """How many failed renewals were logged."""
    return sum(event["event"].startswith("token renewal failed") for event in events)


async def test_one_request_for_all_callers_of_a_process(partner: PartnerStand) -> None:
    """Callers at a cold cache share one request, and later ones its token."""
    tokens = partner.tokens()
    assert 1 == len(await gets(tokens) | await gets(tokens))
    assert 1 == partner.requests(TOKEN)


async def test_one_request_for_all_callers_of_an_expired_token() -> None:
    """Nobody renewed it in time: those who come then share one request, too."""
    clock = StillClock()
    async with partner_stand(clock=clock) as partner:
        tokens = partner.tokens()
        first = await tokens.get()
        clock.now_s = first.expires_at
        (second,) = await gets(tokens)
        assert first.access_token != second
        assert 2 == partner.requests(TOKEN)


async def test_one_request_for_all_processes_that_share_a_redis(partner: PartnerStand, redis_url: str) -> None:
    """Caches without a Redis ask once each; with one, once altogether."""
    await asyncio.gather(*(gets(partner.tokens()) for _ in range(8)))
    assert 8 == partner.requests(TOKEN)
    partner.fault({"kind": "latency", "route": TOKEN, "latency_s": 0.2})
    async with shared_tier(redis_url) as second:
        given = await asyncio.gather(*(gets(partner.tokens(second)) for _ in range(8)))
    assert 1 == len(set.union(*given))
    assert 9 == partner.requests(TOKEN)


async def test_a_redis_that_is_away_is_done_without(partner: PartnerStand) -> None:
    """Each process then asks for itself."""
    async with shared_tier("redis://127.0.0.1:1/0", wait_max_s=0.1) as second:
        assert 1 == len(await gets(partner.tokens(second)))
    assert 1 == partner.requests(TOKEN)


async def test_a_dead_lease_holder_delays_the_others_by_its_lease(partner: PartnerStand, redis_url: str) -> None:
    """A process that died while it asked for a token keeps nobody from asking for longer than its lease lasts."""
    async with shared_tier(redis_url) as second:
        started = time.monotonic()
        assert isinstance(await second.acquire(partner.credentials().cache_key, ()), Lease)
        await asyncio.gather(*(gets(partner.tokens(second)) for _ in range(4)))
    # That the others ask at all shows the lease's end: nobody gives it back.
    assert LEASE_MS / 1000 - 0.1 <= time.monotonic() - started
    assert 1 == partner.requests(TOKEN)


async def test_a_slow_request_stays_the_only_one(partner: PartnerStand, redis_url: str) -> None:
    """The lease is kept alive for as long as the endpoint takes, beyond its own time."""
    partner.fault({"kind": "latency", "route": TOKEN, "latency_s": LEASE_MS / 1000 + 0.5})
    async with shared_tier(redis_url) as second, lateness() as late:
        given = await asyncio.gather(*(gets(partner.tokens(second)) for _ in range(4)))
    # A holder that stands still for so long may have lost it.
    stood_still = late.max_s > LEASE_MS / 2000
    assert stood_still or (1, 1) == (len(set.union(*given)), partner.requests(TOKEN)), late


async def test_a_failed_holder_hands_the_lease_on(partner: PartnerStand, redis_url: str) -> None:
    """When the one that asks is refused, the next asks without waiting for the lease to run out."""
    partner.fault({"kind": "status", "route": TOKEN, "status": 400, "times": 1})
    async with shared_tier(redis_url) as second:
        caches = [partner.tokens(second) for _ in range(4)]
        async with lateness() as late:
            started = time.monotonic()
            results = await asyncio.gather(*(cache.get() for cache in caches), return_exceptions=True)
            took_s = time.monotonic() - started
    assert [PartnerFailed] == [type(result) for result in results if isinstance(result, BaseException)]
    assert took_s < 1 + late.allowed_s, late
    assert 2 == partner.requests(TOKEN)


@pytest.mark.proof
async def test_expiry_under_load_is_felt_by_nobody(redis_url: str) -> None:
    """Callers of four caches never wait for a renewal nor get an expired token; the endpoint sees one per lifetime.

    The clock goes ten times as fast as the system's, and slower than it while a renewal is due: that of a busy machine
    may take seconds.
    """
    ttl_s, lifetimes, clock = 20, 3, StillClock()
    async with partner_stand(token_ttl_s=ttl_s, clock=clock) as partner, shared_tier(redis_url) as second:
        partner.fault({"kind": "latency", "route": TOKEN, "latency_s": 0.1})
        caches = [partner.tokens(second) for _ in range(4)]
        await asyncio.gather(*map(gets, caches))
        given, ends_at = 0, clock() + ttl_s * lifetimes
        while clock() < ends_at:
            tokens = [at_once(cache.get()) for cache in caches]
            assert all(partner.partner.credentials.grant_of(token.access_token) is not None for token in tokens)
            given += len(tokens)
            await asyncio.sleep(0.005)
            clock.now_s += 0.001 if any(clock() >= token.renew_at for token in tokens) else 0.05
    assert given > 500
    # Renewed with 10 to 20 % of the lifetime left.
    assert lifetimes <= partner.requests(TOKEN) <= 1 + lifetimes / 0.8


async def test_a_request_that_is_repeated_has_its_body_again() -> None:
    """The endpoint is busy once and closes the connection once: the third request says as much as the first."""
    async with partner_stand() as partner:
        busy = {"kind": "status", "route": TOKEN, "status": 503, "times": 1}
        partner.fault(busy, {"kind": "refuse", "route": TOKEN, "times": 1})
        token = await partner.tokens().get()
        assert partner.partner.credentials.grant_of(token.access_token) is not None
        assert 3 == partner.requests(TOKEN)


async def test_the_old_token_serves_until_its_end(redis_url: str) -> None:
    """With the endpoint down in the margin nobody notices; then a clear error; and once it is back, a token."""
    clock = StillClock()
    async with partner_stand(token_ttl_s=20, clock=clock) as partner, shared_tier(redis_url) as second:
        tokens = partner.tokens(second)
        first = await tokens.get()
        partner.fault({"kind": "status", "route": TOKEN, "status": 503})
        with capture_logs() as events:
            clock.now_s = first.renew_at
            while not renewals_failed(events):
                assert first == await tokens.get()
                await asyncio.sleep(0.01)
            clock.now_s, before = first.usable_until - 0.5, partner.requests(TOKEN)
            while partner.requests(TOKEN) == before:
                assert first == await tokens.get()
                await asyncio.sleep(0.01)
        assert 1 == renewals_failed(events)
        clock.now_s = first.usable_until
        for _ in range(3):
            with pytest.raises(PartnerUnavailable):
                await tokens.get()
        partner.fault()
        await asyncio.sleep(1.1)
        assert first.access_token != (await tokens.get()).access_token


async def test_an_endpoint_that_is_down_hears_of_us_seldom(
    partner: PartnerStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers without a token get the last failure for a second; they do not queue up to fail one by one."""
    # All of this happens within that time, however busy the machine is.
    monkeypatch.setattr(token_cache, "_FAILURE_KEPT_S", 600)
    partner.fault({"kind": "status", "route": TOKEN, "status": 400})
    tokens = partner.tokens()
    for _ in range(CALLS):
        with pytest.raises(PartnerFailed, match="refused the client"):
            await tokens.get()
    assert 1 == partner.requests(TOKEN)


async def test_a_caller_waits_no_longer_than_it_says(partner: PartnerStand) -> None:
    """A slow endpoint costs one caller its patience, and the next one gets what the first was waiting for."""
    partner.fault({"kind": "latency", "route": TOKEN, "latency_s": 0.3})
    tokens = partner.tokens()
    with pytest.raises(PartnerUnavailable, match=r"within 0\.1 s"):
        await tokens.get(wait_max_s=0.1)
    await tokens.get()
    assert 1 == partner.requests(TOKEN)


async def test_different_questions_never_share_a_token(partner: PartnerStand, redis_url: str) -> None:
    """Scope, audience, client, secret, endpoint and every further parameter make another token; spelling does not."""
    async with shared_tier(redis_url) as second:
        asked: list[dict[str, Any]] = [
            {},
            {"scope": FEED_SCOPE},
            {"scope": OTHER_SCOPE},
            {"scope": f"{FEED_SCOPE} {OTHER_SCOPE}"},
            {"audience": "https://api.example"},
            {"audience": "https://other.example"},
            {"extra": {"resource": "a"}},
            {"extra": {"resource": "b"}},
            {"token_url": f"{partner.url}/oauth/token?tenant=1"},
        ]
        given = [(await partner.tokens(second, **one).get()).access_token for one in asked]
        assert len(asked) == len(set(given))
        again = await partner.tokens(second, scope=f"{OTHER_SCOPE} {FEED_SCOPE}").get()
    assert given[3] == again.access_token
    assert len(asked) == partner.requests(TOKEN)


async def test_redis_holds_no_plaintext(partner: PartnerStand, redis_url: str) -> None:
    """A scan of everything in Redis finds neither the token nor the client's secret, and each key has its end."""
    async with shared_tier(redis_url) as second, Redis.from_url(redis_url) as redis:
        token = await partner.tokens(second).get()
        keys = [key async for key in redis.scan_iter()]
        kept = b"".join([await redis.dump(key) or b"" for key in keys])
        assert [] == [key for key in keys if await redis.ttl(key) < 0]
        assert 1 == len(keys)
    for secret in (token.access_token, CLIENT_SECRET, token.scope):
        assert secret.encode() not in kept
        assert secret.encode() not in b"".join(keys)


async def test_another_secret_opens_nothing(partner: PartnerStand, redis_url: str) -> None:
    """What was sealed with another secret, or altered, is as good as not there."""
    async with shared_tier(redis_url) as second, Redis.from_url(redis_url) as redis:
        await partner.tokens(second).get()
        with pytest.raises(PartnerFailed, match="refused the client: invalid_client"):
            await partner.tokens(second, client_secret="another").get()
        (key,) = [key async for key in redis.scan_iter()]
        raw = await redis.get(key)
        assert isinstance(raw, bytes)
        await redis.set(key, raw[:-1] + bytes([raw[-1] ^ 1]), px=60_000)
        await partner.tokens(second).get()
    assert 3 == partner.requests(TOKEN)


async def test_errors_and_reprs_hold_no_secret(partner: PartnerStand) -> None:
    """What may end in a log or a problem shows neither token nor secret."""
    connection = partner.connect()
    token = await connection.tokens.get()
    partner.fault({"kind": "status", "route": FEED, "status": 500})
    with capture_logs() as events, pytest.raises(PartnerError) as caught:
        await connection.client.get_json("/products")
    shown = f"{connection!r} {token!r} {partner.credentials()!r} {caught.value!r} {caught.value.upstream} {events}"
    assert token.access_token not in shown
    assert CLIENT_SECRET not in shown
