"""`farmlokal partner-check` against a partner that fits, and against such as do not."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from farmlokal.app.partner_check import check_partner
from farmlokal.settings import Settings
from farmlokal.simulator.connecting import service_settings
from farmlokal.simulator.partner import default_partner
from farmlokal.simulator.server import serving
from tests.partner.feed_server import page, row
from tests.support.command import developers, farmlokal
from tests.support.partner import odd_upstream

SECRET = "hush: a secret"
TOKEN: dict[str, Any] = {"access_token": "a-token-that-nobody-sees", "token_type": "Bearer", "expires_in": 60}


def settings_of(url: str, **others: str) -> dict[str, str]:
    """Settings for the partner at `url`, by field."""
    return {**service_settings(url), **others}


async def check(url: str, **others: str) -> list[str]:
    """What is found of the partner at `url`."""
    fields: dict[str, Any] = {**settings_of(url, **others)}
    settings = Settings(_env_file=None, **fields)
    found = [f"{kind}: {text}" for kind, text in await check_partner(settings)]
    assert not any(secret in line for line in found for secret in (SECRET, TOKEN["access_token"]))
    return [line.replace(url.removeprefix("http://"), "HOST") for line in found]


def partner_that(
    token: Any, feed: Any, *, client: str | None = None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A partner that answers every request for a token, and for a page, so. client: the header that it wants."""

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(feed)
        if client is not None and request.headers.get("Authorization") != client:
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response(token)

    return answer


async def test_the_command(tmp_path: Path) -> None:
    """Exit code 0 where all fits, 1 with a fault, 2 where nothing is configured; no secret is shown."""

    async def command(**settings: str) -> tuple[int, list[str], str]:
        environment = developers(tmp_path) | {f"FARMLOKAL_{name.upper()}": value for name, value in settings.items()}
        done = await asyncio.to_thread(farmlokal, environment, tmp_path, "partner-check")
        return done.returncode, done.stdout.splitlines(), done.stderr

    assert (2, [], "farmlokal: FARMLOKAL_OAUTH_TOKEN_URL is not set\n") == await command()
    async with serving(default_partner(600), "127.0.0.1", 0) as url:
        code, lines, _ = await command(**settings_of(url))
    assert (0, ["fits: "] * 3) == (code, [line[:6] for line in lines])
    assert "gives a token that lives 3600 seconds, to a client by basic" in lines[0]
    assert "a page of 500 products" in lines[1]
    assert lines[1].endswith("more follow")
    assert "500 rows of the page are in order, as products of the source partner" in lines[2]
    async with odd_upstream(partner_that(TOKEN, page([row("a", name=SECRET, price="x")]))) as url:
        code, lines, errors = await command(**settings_of(url, oauth_client_secret=SECRET))
    assert (1, "fault: row 1 (a): price: must be a number, not 'x'") == (code, lines[-1])
    assert SECRET not in "".join([*lines, errors])


async def test_every_fault_has_its_line() -> None:
    """Odd members of the token's answer are notes; each malformed row is a fault with its reason."""
    rows = [row("a"), row("b", price="1e5"), {"name": "nobody"}, row("c", category="seeds"), row("d", source="x")]
    token = {**TOKEN, "token_type": None, "expires_in": "60"}
    async with odd_upstream(partner_that(token, page(rows))) as url:
        lines = await check(url)
    assert [
        "note: the token endpoint HOST: token_type is missing: taken for Bearer",
        "note: the token endpoint HOST: expires_in is a text: taken for its number",
    ] == lines[:2]
    kinds = ["fits", "fits", "fault", "fault", "fault", "fits", "note"]
    assert kinds == [line.partition(":")[0] for line in lines[2:]]
    assert "fault: row 2 (b): price: must be a number, not '1e5'" == lines[4]
    assert lines[5].startswith("fault: row 3 (without external_id): ")
    assert "must be partner" in lines[6]
    assert "note: 1 rows name a category that becomes other: seeds" == lines[8]


@pytest.mark.parametrize(
    ("feed", "faults"),
    [
        ([], ["a page must be a JSON object, not []"]),
        (
            {"products": {}, "next_page_token": 7, "as_of": "now"},
            [
                "products must be a list, not {}",
                "next_page_token must be null or a printable text of 1 to 2048 characters, not 7",
                "as_of must be an RFC 3339 time, not 'now'",
            ],
        ),
    ],
)
async def test_a_feed_of_another_form(feed: Any, faults: list[str]) -> None:
    """All that is wrong with the page stands there at once."""
    async with odd_upstream(partner_that(TOKEN, feed)) as url:
        assert [f"fault: the feed HOST: {fault}" for fault in faults] == (await check(url))[1:]


async def test_another_way_to_say_who_we_are() -> None:
    """Where the configured method is refused and another is not, the line says which and how it is set."""
    raw = f"Basic {b64encode(f'farmlokal:{SECRET}'.encode()).decode()}"
    async with odd_upstream(partner_that(TOKEN, page([]), client=raw)) as url:
        assert [
            "fault: the token endpoint HOST: refused the client: invalid_client",
            "note: it gives a token to a client by basic-raw: set FARMLOKAL_OAUTH_CLIENT_AUTH=basic-raw",
            "note: the feed was not asked: there is no token",
        ] == await check(url, oauth_client_secret=SECRET)
        lines = await check(url, oauth_client_secret=SECRET, oauth_client_auth="basic-raw")
        assert "to a client by basic-raw" == lines[0].split(", ")[1]
