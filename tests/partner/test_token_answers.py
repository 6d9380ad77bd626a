"""What a token endpoint may answer, what of it is a token, and how we ask."""

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from aiohttp import web

from farmlokal.errors import NotConfigured, PartnerFailed
from farmlokal.partner.client_auth import ClientAuth
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.token import Token
from farmlokal.partner.token_endpoint import ClientCredentials
from tests.support.partner import LIMITS, odd_upstream

SECRET = "hush: a secret + more"
GOOD = {"access_token": "abc.DEF-123", "token_type": "Bearer", "expires_in": 60, "scope": "one two"}


class Endpoint:
    """A token endpoint that answers the same to everybody, and keeps what it was asked."""

    def __init__(self, content: Any, *, status: int = 200, content_type: str = "application/json") -> None:
        self.body = content if isinstance(content, bytes) else orjson.dumps(content)
        self.status = status
        self.content_type = content_type
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one request."""
        self.asked.append((request.headers.get("Authorization", ""), await request.text()))
        return web.Response(body=self.body, status=self.status, content_type=self.content_type)

    async def token(self, **asking: Any) -> Token:
        """What a cache gets from this endpoint."""

        async def answer(request: web.Request) -> web.Response:
            return await self(request)

        async with odd_upstream(answer) as url:
            credentials = ClientCredentials(f"{url}/token", "us: them", SECRET, **asking)
            connection = PartnerConnection(credentials, NotConfigured("X"), None, limits=LIMITS)
            try:
                return await connection.tokens.get()
            finally:
                await connection.close()


def good_but(**members: Any) -> dict[str, Any]:
    """A good answer with other members; None takes one away."""
    return {name: value for name, value in {**GOOD, **members}.items() if value is not None}


@pytest.mark.parametrize(
    ("content", "scope"),
    [
        (GOOD, "one two"),
        (good_but(token_type="bEARER"), "one two"),
        (good_but(expires_in=1.5), "one two"),
        (good_but(scope=None), "asked"),
        (good_but(surplus=[1, 2]), "one two"),
        # What servers leave out, and write otherwise.
        (good_but(token_type=None), "one two"),
        (GOOD | {"token_type": None, "expires_in": None, "scope": None}, "asked"),
        (good_but(expires_in="60"), "one two"),
        (good_but(scope=["one", "two"]), "one two"),
        (good_but(scope=[]), ""),
    ],
)
async def test_a_grant_is_a_token(content: Any, scope: str) -> None:
    """What servers give is taken; a scope that is not told is the one that was asked for."""
    token = await Endpoint(content).token(scope="asked")
    assert ("abc.DEF-123", scope) == (token.access_token, token.scope)
    assert token.issued_at < token.renew_at < token.usable_until < token.expires_at


@pytest.mark.parametrize(
    ("content", "story"),
    [
        ([], "the answer is no JSON object"),
        (b"", "the answer is no JSON object"),
        ({}, "access_token is missing"),
        (good_but(access_token=None), "access_token is missing"),
        (good_but(access_token=""), "access_token is missing"),
        (good_but(access_token=7), "access_token is missing"),
        (good_but(access_token="a\r\nX-Admin: yes"), "access_token is missing, or is not one"),
        (good_but(access_token="a b"), "access_token is missing, or is not one"),
        (good_but(token_type="mac"), "token_type is not Bearer"),
        (good_but(token_type=["Bearer"]), "token_type is not Bearer"),
        (good_but(expires_in=0), "expires_in is not 1 to 31536000 seconds"),
        (good_but(expires_in=-60), "expires_in is not"),
        (good_but(expires_in=True), "expires_in is not"),
        (good_but(expires_in="soon"), "expires_in is not"),
        (good_but(expires_in="6e1"), "expires_in is not"),
        (good_but(expires_in="٦٠"), "expires_in is not"),
        (good_but(expires_in=10**12), "expires_in is not"),
        (good_but(expires_in="9" * 5000), "expires_in is not"),
        (good_but(scope=["one", 2]), "scope is neither a text nor a list of texts"),
        (good_but(scope={"one": 1}), "scope is neither"),
        (
            good_but(access_token=7, token_type="mac"),
            "access_token is missing, or is not one; token_type is not Bearer",
        ),
    ],
)
async def test_what_is_no_grant_is_told_and_not_kept(content: Any, story: str) -> None:
    """The error says what is wrong with the answer, quotes nothing of it, and nothing is made up in its place."""
    with pytest.raises(PartnerFailed, match=story) as caught:
        await Endpoint(content).token()
    assert "abc.DEF" not in str(caught.value)
    assert 200 == caught.value.upstream.status


@pytest.mark.parametrize(
    ("status", "content", "content_type", "story"),
    [
        (401, {"error": "invalid_client"}, "application/json", "refused the client: invalid_client"),
        (400, {"error": "invalid_scope", "error_description": SECRET}, "application/json", ": invalid_scope"),
        (400, {"error": f"<b>{SECRET}"}, "application/json", "refused the client"),
        (400, [SECRET], "application/json", "refused the client"),
        (401, b"<html>go away", "text/html", "refused the client"),
        (401, b"", "text/plain", "refused the client"),
        (403, {"error": "no"}, "application/json", "answered 403"),
        (500, b"oh", "text/plain", "answered 500"),
        (200, b"<html>", "text/html", "text/html where JSON is due"),
        (200, b'{"access_token": "ab', "application/json", "breaks off"),
    ],
)
async def test_a_refusal_names_its_reason(status: int, content: Any, content_type: str, story: str) -> None:
    """The status and the code of RFC 6749 section 5.2 are told, and no text that the endpoint chose."""
    with pytest.raises(PartnerFailed, match=story) as caught:
        await Endpoint(content, status=status, content_type=content_type).token()
    assert SECRET not in str(caught.value)
    assert status == caught.value.upstream.status


async def test_a_life_that_is_not_told_is_the_settings() -> None:
    """It is counted from the request, as one that is told."""
    told = await Endpoint(good_but(expires_in=77)).token()
    untold = await Endpoint(good_but(expires_in=None)).token(lifetime_s=77)
    assert (77, 77) == tuple(round(token.expires_at - token.issued_at, 3) for token in (told, untold))


@pytest.mark.parametrize(
    ("auth", "pair", "fields"),
    [
        ("basic", "us%3A%20them:hush%3A%20a%20secret%20%2B%20more", {}),
        ("basic-raw", f"us: them:{SECRET}", {}),
        ("post", None, {"client_id": ["us: them"], "client_secret": [SECRET]}),
    ],
)
async def test_how_we_ask(auth: str, pair: str | None, fields: dict[str, list[str]]) -> None:
    """By the method that was configured, with what was configured and nothing else."""
    endpoint = Endpoint(GOOD)
    await endpoint.token(scope="one two", audience="https://api", extra={"resource": "r"}, auth=ClientAuth(auth))
    ((header, form),) = endpoint.asked
    assert header == ("" if pair is None else f"Basic {b64encode(pair.encode()).decode()}")
    assert {
        "grant_type": ["client_credentials"],
        "scope": ["one two"],
        "audience": ["https://api"],
        "resource": ["r"],
        **fields,
    } == parse_qs(form)


def test_each_method_has_a_token_of_its_own() -> None:
    """What a server gives a client by one method another may not have: the cache keeps them apart."""
    keys = {ClientCredentials("https://x/token", "us", SECRET, auth=method).cache_key for method in ClientAuth}
    assert len(ClientAuth) == len(keys)
