"""Our callback at the partner: registered once however often, by the command and at the start; then events arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from farmlokal.errors import PartnerUnavailable, Upstream
from farmlokal.resilience.backoff import Backoff
from farmlokal.settings import Settings, SettingsInvalid, load_settings
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from farmlokal.simulator.partner import Partner, default_partner
from farmlokal.simulator.server import serving as serving_partner
from farmlokal.simulator.webhooks import WEBHOOK_PUBLIC_KEY, WEBHOOK_SECRET, Sending
from farmlokal.webhooks.registration import Registrar, callback_url
from tests.support.command import developers, farmlokal
from tests.support.log_lines import at_level, logged
from tests.support.service import open_database, serving, settings_for, sqlite_url
from tests.support.waiting import until
from tests.support.webhook_sender import SECRET, order, product
from tests.webhooks.inbox_view import inbox_of, stock_of

PUBLIC_URL = "https://farm.example/api/"
CALLBACK = "https://farm.example/api/external/webhook"


@asynccontextmanager
async def a_partner() -> AsyncIterator[tuple[Partner, str]]:
    """A partner simulator and its base URL."""
    partner = await asyncio.to_thread(default_partner, 10)
    async with serving_partner(partner, "127.0.0.1", 0) as url:
        yield partner, url


def of_partner(url: str) -> dict[str, str]:
    """The settings that name the partner at `url`."""
    return {
        "oauth_token_url": f"{url}/oauth/token",
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
        "partner_url": url,
    }


def variables(settings: dict[str, str]) -> dict[str, str]:
    """The same as environment variables."""
    return {f"FARMLOKAL_{name.upper()}": value for name, value in settings.items()}


async def registered(partner: Partner, count: int = 1) -> list[str]:
    """The registered URLs, once there are so many."""
    await until(lambda: len(partner.webhooks.urls) >= count)
    return partner.webhooks.urls


async def test_the_command_registers_once(tmp_path: Path) -> None:
    """Run twice, the partner knows one URL; without our own URL the command says what is missing."""
    async with a_partner() as (partner, url):
        environment = developers(tmp_path) | variables(of_partner(url))

        async def command(**more: str) -> tuple[int, str, str]:
            done = await asyncio.to_thread(farmlokal, environment | more, tmp_path, "webhooks", "register")
            return done.returncode, done.stdout, done.stderr

        for _ in range(2):
            answer = await command(FARMLOKAL_PUBLIC_URL=PUBLIC_URL)
            assert (0, f"the partner sends its events to {CALLBACK}\n") == answer[:2]
        assert [CALLBACK] == partner.webhooks.urls
        assert (2, "", "farmlokal: FARMLOKAL_PUBLIC_URL is not set\n") == await command()


async def test_a_service_registers_at_its_start_and_takes_the_events(tmp_path: Path) -> None:
    """The simulator sends twice, shuffled, under new ids, signed by its own key; the stock is the arithmetic."""
    async with a_partner() as (partner, url), open_database(sqlite_url(tmp_path)) as database:
        settings = settings_for(
            sqlite_url(tmp_path),
            webhook_secrets=f"{WEBHOOK_SECRET},{WEBHOOK_PUBLIC_KEY}",
            public_url=PUBLIC_URL,
            **of_partner(url),
        )
        async with serving(settings) as service:
            assert [CALLBACK] == await registered(partner)
            partner.webhooks.urls[:] = [f"http://127.0.0.1:{service.port}/external/webhook"]
            async with ClientSession(url) as client:

                async def send(**sending: Any) -> dict[str, Any]:
                    async with client.post("/control/webhooks", data=orjson.dumps(sending)) as response:
                        assert 200 == response.status, await response.text()
                        tally: dict[str, Any] = await response.json()
                        return tally

                await send(events=[{"type": "product.upserted", "data": product(stock=100)}])
                orders = [{"type": "order.placed", "data": order(f"A{number}", number)} for number in range(1, 6)]
                tally = await send(events=orders, copies=3, shuffle=7)
                assert (15, {"200": 15}, 10) == (tally["deliveries"], tally["statuses"], tally["duplicates"])
                tally = await send(events=orders, copies=2, new_ids=True, attempts=2)
                assert ({"200": 10}, 0) == (tally["statuses"], tally["duplicates"])
                tally = await send(events=orders, scheme="v1a", headers="svix")
                assert {"200": 5} == tally["statuses"]
                tally = await send(events=[{"type": "order.placed", "data": {}}], attempts=3, wait_s=0.01)
                assert ({"422": 1}, 3) == (tally["statuses"], tally["attempts"])
        assert 85 == await stock_of(database)
        assert 1 + 5 + 10 + 5 + 1 == len(await inbox_of(database))


async def test_a_partner_that_is_away_does_not_keep_us_from_starting(tmp_path: Path) -> None:
    """One log line, requests are answered, and the registration is tried again until it works."""
    answers = iter([PartnerUnavailable("away", Upstream("partner")), PartnerUnavailable("away", Upstream("partner"))])
    put: list[tuple[str, Any]] = []

    async def put_json(path: str, content: Any) -> None:
        if (error := next(answers, None)) is not None:
            raise error
        put.append((path, content))

    registrar = Registrar(put_json, PUBLIC_URL, backoff=Backoff(base_s=0.001, max_s=0.001))
    with logged() as events:
        await registrar.keep()
    assert registrar.registered
    assert [("/webhooks", {"url": CALLBACK})] == put
    assert ["the webhook is not registered yet"] == [event["event"] for event in at_level(events, "warning")]
    assert ["the webhook is registered"] == [event["event"] for event in at_level(events, "info")]
    # A real start, with nobody at the partner's address.
    async with open_database(sqlite_url(tmp_path)):
        settings = settings_for(sqlite_url(tmp_path), public_url=PUBLIC_URL, **of_partner("http://127.0.0.1:9"))
        async with serving(settings) as service, service.client.get("/readyz") as response:
            assert 200 == response.status


async def test_the_partner_wants_a_token_and_a_url() -> None:
    """Whoever registers must be a client, and say where to."""
    async with a_partner() as (partner, url), ClientSession(url) as client:
        token = partner.credentials.issue(partner.credentials.scopes)
        bearer = {"Authorization": f"Bearer {token}"}
        async with client.put("/webhooks", data=b'{"url":"http://a.example/"}') as response:
            assert 401 == response.status
        for body in (b"", b"{}", b'{"url":"farm"}', b'{"url":"http://a.example/","x":1}'):
            async with client.put("/webhooks", data=body, headers=bearer) as response:
                assert 400 == response.status, body
        async with client.put("/webhooks", data=b'{"url":"http://a.example/hook"}', headers=bearer) as response:
            assert 200 == response.status
        async with client.get("/webhooks", headers=bearer) as response:
            assert {"webhooks": [{"url": "http://a.example/hook"}]} == await response.json()


async def test_an_event_without_anyone_is_unanswered() -> None:
    """The sender gives up after its attempts and says so."""
    partner = await asyncio.to_thread(default_partner, 1)
    partner.webhooks.register("http://127.0.0.1:9/")
    tally = await partner.webhooks.send(Sending(events=[{"type": "x", "data": {}}], attempts=2, wait_s=0.01))
    assert (1, 2, 1) == (tally.deliveries, tally.attempts, tally.unanswered)


@pytest.mark.parametrize("url", ["https://farm.example", "https://farm.example/", "https://farm.example//"])
def test_the_callback_is_below_our_base_url(url: str) -> None:
    """Whether or not the setting ends with a slash."""
    assert "https://farm.example/external/webhook" == callback_url(url)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("public_url", "farm.example"),
        ("public_url", "https://"),
        ("public_url", "https://user:secret@farm.example"),
        ("public_url", "https://farm.example?x=1"),
        ("webhook_keep_days", 0),
        ("webhook_secrets", "whsk_" + "A" * 43),
        ("webhook_secrets", f"{SECRET},"),
        ("webhook_secrets", "whsec_c2hvcnQ="),
    ],
)
def test_a_wrong_setting_is_refused(field: str, value: object) -> None:
    """One line that names the variable and repeats no secret."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(**{"_env_file": None, field: value})
    assert str(caught.value).startswith(f"FARMLOKAL_{field.upper()}: ")
    assert field != "webhook_secrets" or str(value) not in str(caught.value)


def test_the_secrets_are_masked() -> None:
    """`farmlokal config` does not show them."""
    shown = Settings(_env_file=None, webhook_secrets=SECRET).masked()
    assert "***" == shown["FARMLOKAL_WEBHOOK_SECRETS"]
