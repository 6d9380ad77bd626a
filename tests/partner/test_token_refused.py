"""A token that the partner refuses: replaced once for all callers, and never in a loop."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from farmlokal.errors import PartnerFailed
from farmlokal.partner import tokens
from farmlokal.partner.client import PartnerClient
from farmlokal.partner.token_endpoint import TokenEndpoint
from farmlokal.partner.tokens import TokenCache
from tests.support.partner import FEED, TOKEN, PartnerStand, guards_of, partner_stand, shared_tier

CALLS = 100


@pytest.fixture
async def partner() -> AsyncIterator[PartnerStand]:
    """A partner of its own for each test."""
    async with partner_stand() as standing:
        yield standing


async def test_a_revoked_token_is_replaced_once_for_everybody(partner: PartnerStand, redis_url: str) -> None:
    """100 calls at once meet 401: one renewal, and each of them is repeated once and succeeds."""
    async with shared_tier(redis_url) as second:
        client = partner.connect(second).client
        await client.get_json("/products")
        partner.partner.credentials.revoke_all()
        before = partner.requests(FEED)
        pages = await asyncio.gather(*(client.get_json("/products", {"page_size": "1"}) for _ in range(CALLS)))
    assert CALLS == len(pages)
    assert 2 == partner.requests(TOKEN)
    assert partner.requests(FEED) - before <= 2 * CALLS
    assert client.stats.attempts == partner.requests(FEED)


async def test_a_token_that_another_process_replaced_is_taken_over(partner: PartnerStand, redis_url: str) -> None:
    """The second process that meets 401 finds the new token in Redis, and asks nobody."""
    async with shared_tier(redis_url) as second:
        clients = [partner.connect(second).client for _ in range(4)]
        for client in clients:
            await client.get_json("/products")
        partner.partner.credentials.revoke_all()
        for client in clients:
            await client.get_json("/products")
    assert 2 == partner.requests(TOKEN)


async def test_only_the_token_that_was_refused_is_dropped(partner: PartnerStand) -> None:
    """A late 401 about an old token does not cost the new one."""
    tokens = partner.tokens()
    old = await tokens.get()
    new = await tokens.replace(old.access_token)
    assert new == await tokens.replace(old.access_token) == await tokens.get()
    assert 2 == partner.requests(TOKEN)


async def test_an_endpoint_that_gives_bad_tokens_is_no_loop(
    partner: PartnerStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call is repeated once at most, and the endpoint is asked for a new token once a pause at most."""
    partner.fault({"kind": "bad_token", "route": TOKEN})
    connection = partner.connect()
    assert connection.api is not None
    assert connection.token_endpoint is not None
    endpoint = TokenEndpoint(partner.credentials(), connection.token_endpoint)
    # All of this happens within one pause, however busy the machine is.
    monkeypatch.setattr(tokens, "_REFUSED_AGAIN_S", 600)
    client = PartnerClient(partner.url, connection.api, TokenCache(endpoint, None))
    results = await asyncio.gather(*(client.get_json("/products") for _ in range(CALLS)), return_exceptions=True)
    for _ in range(10):
        with pytest.raises(PartnerFailed, match="refuses"):
            await client.get_json("/products")
    assert all(isinstance(result, PartnerFailed) for result in results)
    assert 2 == partner.requests(TOKEN)
    assert partner.requests(FEED) <= 2 * (CALLS + 10)
    assert "closed" in repr(guards_of(connection).breaker)
