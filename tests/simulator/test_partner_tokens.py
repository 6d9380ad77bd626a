"""The partner's token endpoint keeps to RFC 6749 section 4.4 and 5, and its revocation to RFC 7009."""

import base64
from typing import Any
from urllib.parse import quote_plus

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from farmlokal.simulator.app import create_partner_app
from farmlokal.simulator.catalogue import Catalogue
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET, Credentials
from farmlokal.simulator.partner import Partner
from tests.simulator.simulated_partner import SimulatedPartner, start_partner

Client = TestClient[web.Request, web.Application]

POST = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET) -> dict[str, str]:
    """The header of client_secret_basic, each half form-encoded as RFC 6749 section 2.3.1 says."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@pytest.fixture
async def harness(aiohttp_client: AiohttpClient) -> SimulatedPartner:
    """A partner of its own for each test."""
    return await start_partner(aiohttp_client)


@pytest.fixture
def client(harness: SimulatedPartner) -> Client:
    """An HTTP client of the partner."""
    return harness.client


async def refused(client: Client, form: Any, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and error code of a token request that is refused as section 5.2 says."""
    async with client.post("/oauth/token", data=form, headers=headers) as response:
        assert "no-store" == response.headers["Cache-Control"]
        assert "application/json" == response.content_type
        return response.status, (await response.json())["error"]


@pytest.mark.parametrize(("form", "headers"), [(GRANT | POST, {}), (GRANT, basic())], ids=["post", "basic"])
async def test_client_gets_a_token_by_either_method(client: Client, form: Any, headers: dict[str, str]) -> None:
    """Both client authentication methods get a bearer token that no cache may keep."""
    async with client.post("/oauth/token", data=form, headers=headers) as response:
        answer = await response.json()
        assert 200 == response.status
        assert "no-store" == response.headers["Cache-Control"]
    assert {"access_token", "token_type", "expires_in", "scope"} == answer.keys()
    assert ("Bearer", 60, "orders:read products:read") == (answer["token_type"], answer["expires_in"], answer["scope"])


async def test_asked_scope_is_the_granted_scope(client: Client) -> None:
    """A request for fewer scopes than the client may have gets just those."""
    async with client.post("/oauth/token", data=GRANT | POST | {"scope": "products:read"}) as response:
        assert "products:read" == (await response.json())["scope"]


async def test_unknown_parameters_are_ignored(client: Client) -> None:
    """An audience, which this server does not know, does not disturb it (section 3.2)."""
    async with client.post("/oauth/token", data=GRANT | POST | {"audience": "https://partner"}) as response:
        assert 200 == response.status


async def test_secret_with_special_characters_passes_basic(aiohttp_client: AiohttpClient) -> None:
    """A secret with a colon, a space, a plus and letters beyond ASCII survives client_secret_basic."""
    secret = "a:b c+d%é"
    credentials = Credentials(clock=lambda: 0.0, client_secret=secret)
    client = await aiohttp_client(create_partner_app(Partner(credentials, Catalogue(1, clock=lambda: 0.0))))
    async with client.post("/oauth/token", data=GRANT, headers=basic(secret=secret)) as response:
        assert 200 == response.status


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        (GRANT, basic(secret="wrong")),
        (GRANT, basic(client_id="nobody")),
        (GRANT, {"Authorization": "Basic ???"}),
        (GRANT, {"Authorization": "Bearer x"}),
        (GRANT | POST | {"client_secret": "wrong"}, {}),
        (GRANT | {"client_id": CLIENT_ID}, {}),
        (GRANT, {}),
    ],
)
async def test_unknown_client_is_challenged(client: Client, form: Any, headers: dict[str, str]) -> None:
    """Whoever does not prove to be the client gets 401 invalid_client and is told the scheme to use."""
    assert (401, "invalid_client") == await refused(client, form, headers)
    async with client.post("/oauth/token", data=form, headers=headers) as response:
        assert response.headers["WWW-Authenticate"].startswith('Basic realm="partner"')


@pytest.mark.parametrize(
    ("error", "form"),
    [
        ("invalid_request", POST),
        ("invalid_request", POST | {"grant_type": ""}),
        ("invalid_request", [*GRANT.items(), *GRANT.items(), *POST.items()]),
        ("unsupported_grant_type", POST | {"grant_type": "password"}),
        ("invalid_scope", GRANT | POST | {"scope": "products:write"}),
        ("invalid_scope", GRANT | POST | {"scope": "products:read  orders:read"}),
    ],
)
async def test_bad_requests_name_their_error(client: Client, error: str, form: Any) -> None:
    """Every fault but the client's identity is a 400 with the code of section 5.2."""
    assert (400, error) == await refused(client, form)


@pytest.mark.parametrize(
    ("expected", "body"),
    [
        ((401, "invalid_client"), b""),
        ((401, "invalid_client"), b"\x00&&=%"),
        ((400, "invalid_request"), b"grant_type=\xff"),
    ],
    ids=["empty", "rubbish", "not UTF-8"],
)
async def test_rubbish_is_refused(client: Client, expected: tuple[int, str], body: bytes) -> None:
    """A body that is no form at all is the client's fault, and never the server's."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert expected == await refused(client, body, headers)


async def test_two_methods_at_once_are_refused(client: Client) -> None:
    """A client must not authenticate in the header and in the body of one request."""
    assert (400, "invalid_request") == await refused(client, GRANT | POST, basic())


async def test_json_body_is_refused(client: Client) -> None:
    """The token endpoint reads forms only."""
    async with client.post("/oauth/token", json=GRANT | POST) as response:
        assert (400, "invalid_request") == (response.status, (await response.json())["error"])


async def test_revoked_token_is_dead_and_revoking_again_is_harmless(harness: SimulatedPartner) -> None:
    """Revocation ends the token at once; an unknown token gets the same 200 (RFC 7009 section 2.2)."""
    for _ in range(2):
        async with harness.client.post("/oauth/revoke", data=POST | {"token": harness.token}) as response:
            assert (200, b"") == (response.status, await response.read())
    assert 401 == await harness.status()


@pytest.mark.parametrize(("status", "form"), [(401, {"token": "x"}), (400, POST)], ids=["no client", "no token"])
async def test_revocation_needs_the_client_and_a_token(client: Client, status: int, form: dict[str, str]) -> None:
    """Only the client may revoke, and it must say what."""
    async with client.post("/oauth/revoke", data=form) as response:
        assert status == response.status


async def test_token_requests_are_counted(harness: SimulatedPartner) -> None:
    """The statistics tell token requests from tokens issued, and count a revocation once."""
    assert (401, "invalid_client") == await refused(harness.client, GRANT)
    async with harness.client.post("/oauth/revoke", data=POST | {"token": harness.token}):
        stats = await harness.stats()
    assert {"issued": 1, "revoked": 1, "live": 0} == stats["tokens"]
    assert {"POST /oauth/token": 1, "POST /oauth/revoke": 1, "GET /control/stats": 1} == stats["requests"]


def test_expired_tokens_are_forgotten() -> None:
    """Tokens that expired take no memory any more, however many were issued."""
    now_s = 0.0
    credentials = Credentials(clock=lambda: now_s, token_ttl_s=10)
    for _ in range(100):
        now_s += 1
        credentials.issue(frozenset())
    assert "<Credentials issued=100 revoked=0 live=10>" == repr(credentials)
