"""`GET /auth/token`: who may ask, what is answered, and the problems that it ends with."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from farmlokal.settings import Settings
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET, FEED_SCOPE
from farmlokal.web.edge.key_digests import key_digests, matching_key
from tests.support.partner import TOKEN, PartnerStand, partner_stand
from tests.support.service import Service, fill, serving, settings_for, sqlite_url

KEY, OTHER_KEY = "a key of the tests", "another key of them"


@pytest.fixture
async def partner() -> AsyncIterator[PartnerStand]:
    """A partner of its own for each test."""
    async with partner_stand() as standing:
        yield standing


async def settings_at(folder: Path, url: str, **others: Any) -> Settings:
    """Settings for an empty catalogue, two API keys and the partner at `url`."""
    await fill(sqlite_url(folder), [])
    given = {
        "api_keys": f"{KEY},{OTHER_KEY}".replace(" ", "-"),
        "oauth_token_url": f"{url}/oauth/token",
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
    }
    return settings_for(sqlite_url(folder), **{**given, **others})


async def asked(service: Service, headers: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of a request for the token."""
    async with service.client.get("/auth/token", headers=headers) as response:
        return response.status, await response.json(content_type=None), dict(response.headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer a-key-of-the-tests"},
        {"Authorization": "bearer another-key-of-them"},
        {"X-API-Key": "a-key-of-the-tests"},
        {"X-API-Key": "a-key-of-the-tests", "Authorization": "Basic cHJveHk6eA=="},
    ],
)
async def test_a_key_opens_the_route(partner: PartnerStand, tmp_path: Path, headers: dict[str, str]) -> None:
    """Any of the keys, as a bearer token or in its own header, gets what a token endpoint would answer."""
    async with serving(await settings_at(tmp_path, partner.url)) as service:
        status, content, answered = await asked(service, headers)
    assert 200 == status
    assert {"access_token", "token_type", "expires_in", "scope"} == content.keys()
    assert ("Bearer", "orders:read products:read") == (content["token_type"], content["scope"])
    assert 3590 <= content["expires_in"] <= 3600
    assert partner.partner.credentials.grant_of(content["access_token"]) is not None
    assert ("no-store", "application/json") == (answered["Cache-Control"], answered["Content-Type"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic a-key-of-the-tests"},
        {"Authorization": "Bearer a-key-of-the-test"},
        {"Authorization": "Bearer wrong", "X-API-Key": "a-key-of-the-tests"},
        {"X-API-Key": ""},
        {"X-API-Key": "ключ"},
        {"X-API-Key": "a-key-of-the-tests,another-key-of-them"},
    ],
)
async def test_without_a_key_the_route_is_closed(
    partner: PartnerStand, tmp_path: Path, headers: dict[str, str]
) -> None:
    """A missing or wrong key is challenged, and the partner hears of nothing."""
    async with serving(await settings_at(tmp_path, partner.url)) as service:
        status, problem, answered = await asked(service, headers)
    assert (401, "/problems/unauthenticated", "Bearer") == (status, problem["type"], answered["WWW-Authenticate"])
    assert 0 == partner.requests(TOKEN)


async def test_without_keys_nobody_may(partner: PartnerStand, tmp_path: Path) -> None:
    """An operator who configured no key has not opened the route to all."""
    async with serving(await settings_at(tmp_path, partner.url, api_keys=None)) as service:
        status, problem, _ = await asked(service, {"X-API-Key": ""})
    assert (403, "/problems/access-denied") == (status, problem["type"])
    assert "FARMLOKAL_API_KEYS is not set" in problem["detail"]


@pytest.mark.parametrize("field", ["oauth_token_url", "oauth_client_id", "oauth_client_secret"])
async def test_what_is_not_set_is_named(partner: PartnerStand, tmp_path: Path, field: str) -> None:
    """The problem names the variable; everything else of the service works."""
    async with serving(await settings_at(tmp_path, partner.url, **{field: None})) as service:
        status, problem, _ = await asked(service, {"X-API-Key": KEY.replace(" ", "-")})
        async with service.client.get("/products") as response:
            assert 200 == response.status
    assert (503, "/problems/not-configured") == (status, problem["type"])
    assert f"FARMLOKAL_{field.upper()} is not set" == problem["detail"]


async def test_the_partners_failure_is_a_problem(partner: PartnerStand, tmp_path: Path) -> None:
    """Wrong credentials are a 502, a dead endpoint a 503 with Retry-After: with the story, and without the secret."""
    key = {"X-API-Key": KEY.replace(" ", "-")}
    with capture_logs() as events:
        async with serving(await settings_at(tmp_path, partner.url, oauth_client_secret="wrong-secret")) as service:
            refused = await asked(service, key)
        partner.fault({"kind": "status", "route": TOKEN, "status": 429, "retry_after_s": 90})
        async with serving(await settings_at(tmp_path, partner.url)) as service:
            away = await asked(service, key)
    host = partner.url.removeprefix("http://")
    assert (502, "/problems/partner-failed") == (refused[0], refused[1]["type"])
    assert "invalid_client" in refused[1]["detail"]
    assert {"host": host, "status": 401, "attempts": 1, "waited_s": 0.0} == refused[1]["upstream"]
    assert (503, "/problems/partner-unavailable", "90") == (away[0], away[1]["type"], away[2]["Retry-After"])
    assert {"host": host, "status": 429, "attempts": 1, "waited_s": 0.0} == away[1]["upstream"]
    for secret in ("wrong-secret", CLIENT_SECRET, KEY.replace(" ", "-")):
        assert secret not in f"{refused} {away} {events}"


def test_a_key_is_compared_with_all() -> None:
    """Each key is found in its place, alone and among others, and nothing like it is."""
    digests = key_digests(["one", "two", "three"])
    assert [0, 1, 2, None, None] == [matching_key(key, digests) for key in ("one", "two", "three", "thre", "")]
    assert matching_key("one", ()) is None
    assert FEED_SCOPE not in repr(digests)
