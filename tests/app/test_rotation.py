"""Keys and secrets change while two instances serve: no request fails, no walk breaks, no event is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from farmlokal.simulator.catalogue import Catalogue
from farmlokal.simulator.credentials import CLIENT_ID, FEED_SCOPE, Credentials
from farmlokal.simulator.partner import Partner
from farmlokal.simulator.server import serving as serving_partner
from tests.app.rolling import DRAIN_S, Balancer, meanwhile, pair
from tests.support.command import make_catalogue, operators
from tests.support.products import PRODUCTS
from tests.support.webhook_sender import OLD_SECRET, PATH, SECRET, body_of, headers_for, product

OLD, NEW = "the-key-of-last-year-0", "the-key-of-this-year-0"
TTL_S = 1

pytestmark = [pytest.mark.proof, pytest.mark.timeout(150)]


@pytest.fixture
async def variables(tmp_path: Path, mysql_url: str, redis_url: str) -> dict[str, str]:
    """The environment of both instances, over the small catalogue."""
    shared = operators(tmp_path, mysql_url, redis_url) | {
        "FARMLOKAL_DRAIN_S": str(DRAIN_S),
        "FARMLOKAL_CACHE_TTL_S": str(TTL_S),
        "FARMLOKAL_STALE_S": "1",
    }
    await asyncio.to_thread(make_catalogue, shared)
    return shared


async def finished(done: Counter[int], works: int, times: int = 2) -> None:
    """Return once each of `works` was done so often again: what was under way has ended, and more than that."""
    before = done.copy()
    async with asyncio.timeout(30):
        while True:
            if all(done[place] >= before[place] + times for place in range(works)):
                return
            await asyncio.sleep(0.05)


class Walker:
    """Walks the listing to its end, each page through the balancer."""

    def __init__(self, balancer: Balancer, limit: int) -> None:
        self._balancer = balancer
        self._first = f"/products?sort=price&limit={limit}"

    async def walk(self) -> None:
        """One whole walk: every product once."""
        ids: list[int] = []
        target = self._first
        while target:
            status, page = await self._balancer.request("GET", target)
            assert 200 == status, page
            ids += [row["id"] for row in page["data"]]
            cursor = page["page"]["next_cursor"]
            target = f"{self._first}&cursor={cursor}" if cursor else ""
        assert list(range(1, PRODUCTS + 1)) == sorted(ids)


async def test_a_new_signing_key_at_once_breaks_walks(tmp_path: Path, variables: dict[str, str]) -> None:
    """Without the order below: an instance that has not restarted yet refuses the other one's cursors."""
    first = variables | {"FARMLOKAL_SECRET_KEY": f"{NEW},{OLD}"}
    async with pair(tmp_path, first, variables | {"FARMLOKAL_SECRET_KEY": OLD}) as instances:
        walks = [Walker(instances.balancer, limit).walk() for limit in range(1, 10)]
        failures = await asyncio.gather(*walks, return_exceptions=True)
    assert any("cursor" in str(failure) for failure in failures)


async def test_the_signing_key_rotates_under_walks(tmp_path: Path, variables: dict[str, str]) -> None:
    """First every instance learns the new key, then every one signs with it, then the old one goes."""
    async with pair(tmp_path, variables | {"FARMLOKAL_SECRET_KEY": OLD}) as instances:
        walkers = [Walker(instances.balancer, limit) for limit in (2, 3, 7)]
        async with meanwhile(*(walker.walk for walker in walkers)) as walked:
            await instances.roll(variables | {"FARMLOKAL_SECRET_KEY": f"{OLD},{NEW}"})
            await instances.roll(variables | {"FARMLOKAL_SECRET_KEY": f"{NEW},{OLD}"})
            # Pages with the old key's cursors are cached for a while yet, and walked on from.
            await asyncio.sleep(3 * TTL_S)
            await finished(walked, len(walkers))
            await instances.roll(variables | {"FARMLOKAL_SECRET_KEY": NEW})
        assert {200} == set(instances.balancer.answers)
        assert 100 < instances.balancer.answers[200]


async def test_the_webhook_secret_rotates_under_deliveries(tmp_path: Path, variables: dict[str, str]) -> None:
    """Both secrets, then the sender changes, then the old one goes: each event is taken in at its first delivery."""
    secret = OLD_SECRET
    numbers = count(1)

    async with pair(tmp_path, variables | {"FARMLOKAL_WEBHOOK_SECRETS": OLD_SECRET}) as instances:

        async def deliver() -> None:
            number = next(numbers)
            body = body_of("product.upserted", product(f"rotated-{number}"))
            headers = headers_for(f"msg_rotation_{number}", body, secret=secret)
            status, receipt = await instances.balancer.request("POST", PATH, data=body, headers=headers)
            assert (200, {"duplicate": False, "effect": "created"}) == (status, receipt)

        async with meanwhile(deliver, deliver) as delivered:
            await instances.roll(variables | {"FARMLOKAL_WEBHOOK_SECRETS": f"{SECRET},{OLD_SECRET}"})
            secret = SECRET
            await asyncio.sleep(1)  # what is signed with the old one arrives
            await instances.roll(variables | {"FARMLOKAL_WEBHOOK_SECRETS": SECRET})
        assert {200: delivered.total()} == instances.balancer.answers
        assert 100 < delivered.total()


class TwoSecrets(Credentials):
    """The partner's credentials while a client's secret changes: each in `accepted` is good."""

    accepted: frozenset[str] = frozenset()

    def knows(self, client_id: str, client_secret: str) -> bool:
        """See Credentials."""
        return client_id == CLIENT_ID and client_secret in self.accepted


@asynccontextmanager
async def changing_partner(*secrets: str) -> AsyncIterator[tuple[TwoSecrets, dict[str, str]]]:
    """A partner that takes `secrets` for now, and the variables of a service that knows the first."""
    credentials = TwoSecrets(clock=asyncio.get_running_loop().time, scopes=(FEED_SCOPE,), token_ttl_s=5)
    credentials.accepted = frozenset(secrets)
    partner = Partner(credentials, Catalogue(10, clock=asyncio.get_running_loop().time))
    async with serving_partner(partner, "127.0.0.1", 0) as url:
        yield (
            credentials,
            {
                "FARMLOKAL_OAUTH_TOKEN_URL": f"{url}/oauth/token",
                "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
                "FARMLOKAL_OAUTH_CLIENT_SECRET": secrets[0],
                "FARMLOKAL_PARTNER_URL": url,
            },
        )


def asking_for_tokens(balancer: Balancer, key: Callable[[], str]) -> Callable[[], Awaitable[None]]:
    """One caller's request for the partner's token. key: the API key that it has now."""

    async def ask() -> None:
        status, token = await balancer.request("GET", "/auth/token", headers={"X-API-Key": key()})
        assert 200 == status, token

    return ask


async def test_an_api_key_rotates_under_requests(tmp_path: Path, variables: dict[str, str]) -> None:
    """Both keys, then the callers change, then the old one goes."""
    key = OLD
    async with changing_partner("a-secret-of-the-client") as (_, partner):
        variables |= partner
        async with pair(tmp_path, variables | {"FARMLOKAL_API_KEYS": OLD}) as instances:
            ask = asking_for_tokens(instances.balancer, lambda: key)
            async with meanwhile(ask, ask):
                await instances.roll(variables | {"FARMLOKAL_API_KEYS": f"{NEW},{OLD}"})
                key = NEW
                await asyncio.sleep(1)  # requests with the old one end
                await instances.roll(variables | {"FARMLOKAL_API_KEYS": NEW})
            assert {200} == set(instances.balancer.answers)
            retired = await instances.balancer.request("GET", "/auth/token", headers={"X-API-Key": OLD})
            assert 401 == retired.status


async def test_the_clients_secret_rotates_under_requests(tmp_path: Path, variables: dict[str, str]) -> None:
    """The token in Redis is sealed with the old secret: a restarted instance asks for another, and nobody waits."""
    async with changing_partner(OLD, NEW) as (credentials, partner):
        variables |= partner | {"FARMLOKAL_API_KEYS": "a-key-of-the-callers"}
        async with pair(tmp_path, variables) as instances:

            async def sync() -> None:
                headers = {"X-API-Key": "a-key-of-the-callers"}
                status, run = await instances.balancer.request("POST", "/external/sync", headers=headers)
                assert (200, "done") == (status, run["state"])
                await asyncio.sleep(0.2)

            ask = asking_for_tokens(instances.balancer, lambda: "a-key-of-the-callers")
            async with meanwhile(ask, ask, sync) as asked:
                await instances.roll(variables | {"FARMLOKAL_OAUTH_CLIENT_SECRET": NEW})
                credentials.accepted = frozenset({NEW})
                # Longer than a token lives: every one that is used now was asked for with the new secret.
                await asyncio.sleep(credentials.token_ttl_s + 1)
            assert {200} == set(instances.balancer.answers)
            assert 100 < asked.total()
            # Shared still: about one token for each lifetime, and one more for each instance that could not read it.
            assert credentials.issued < 20
