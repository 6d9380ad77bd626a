"""The rate limit over HTTP: what is counted for whom, what is exempt, and what every answer says."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

from farmlokal.settings import Settings
from farmlokal.web import keys
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, ask, problem
from tests.support.service import Service, serving, settings_for
from tests.web.watched_store import watch_store

# Two requests at once, then one every 72 seconds: within a test nothing comes free.
TWO = "default=50/hour,token=25/hour"
POLICY = '"default";q=50;w=3600'
KEY = "a-key-that-the-tests-know"
OTHER_KEY = "another-key-of-the-tests"


async def limited(folder: Path, **others: Any) -> Settings:
    """Settings of a service that limits, over the tests' catalogue."""
    return settings_for(await catalogue(folder), rate_limit=TWO, api_keys=f"{KEY},{OTHER_KEY}", **others)


def limits(answer: Answer) -> tuple[str | None, str | None]:
    """The two headers of an answer."""
    return answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")


async def statuses(port: int, *requests: tuple[str, str]) -> list[int]:
    """The statuses of requests one after the other, each a target and header lines."""
    return [(await ask(port, target, headers=headers)).status for target, headers in requests]


async def test_every_answer_tells_what_is_left_until_it_is_refused(tmp_path: Path) -> None:
    """A page, a fault of the client's, and the refusal itself: the headers, `Retry-After`, the problem."""
    async with serving(await limited(tmp_path)) as service:
        began = time.monotonic()
        page = await ask(service.port, "/products/1")
        assert (200, (POLICY, '"default";r=1;t=72')) == (page.status, limits(page))
        missing = await ask(service.port, "/nowhere")
        refused = await ask(service.port, "/products/1")
        # A busy machine may take some of the 72 seconds between two of them.
        passed_s = time.monotonic() - began
        for answer, status in ((missing, 404), (refused, 429)):
            assert (status, POLICY) == (answer.status, answer.headers["RateLimit-Policy"])
            left = re.fullmatch('"default";r=0;t=([0-9]+)', answer.headers["RateLimit"])
            assert left is not None
            assert 72 - passed_s <= int(left[1]) <= 72
        content = problem(refused, 429, "rate-limited")
        assert f'"default";r=0;t={refused.headers["Retry-After"]}' == refused.headers["RateLimit"]
        assert f"the quota 'default' is used up: come back in {refused.headers['Retry-After']} s" == content["detail"]


async def test_a_refusal_does_none_of_the_work(tmp_path: Path) -> None:
    """The parameters are not read and the catalogue is not asked."""
    async with serving(await limited(tmp_path)) as service:
        watched = watch_store(service.app)
        assert [200, 200, 429, 429] == await statuses(
            service.port,
            *[(f"/products?limit={number}", "") for number in range(1, 4)],
            ("/products?limit=rubbish", ""),
        )
        assert 2 == watched.questions
        assert [2, 0] == list(service.app[keys.LIMITER].refusals.values())


async def test_the_token_has_a_quota_of_its_own(tmp_path: Path) -> None:
    """Neither class takes from the other."""
    async with serving(await limited(tmp_path)) as service:
        tokens = [await ask(service.port, "/auth/token") for _ in range(2)]
        assert [401, 429] == [answer.status for answer in tokens]
        assert ('"token";q=25;w=3600', '"token";r=0;t=144') == limits(tokens[0])
        assert [200, 200, 429] == await statuses(service.port, *[("/categories", "")] * 3)


@pytest.mark.parametrize("target", ["/livez", "/readyz"])
async def test_who_watches_the_service_is_exempt(tmp_path: Path, target: str) -> None:
    """As often as they like, and without the headers."""
    async with serving(await limited(tmp_path)) as service:
        answers = [await ask(service.port, target) for _ in range(5)]
    assert [(200, (None, None))] * 5 == [(answer.status, limits(answer)) for answer in answers]


async def test_the_webhooks_sender_is_exempt(tmp_path: Path) -> None:
    """A sender that is refused too often gives up on an event; one without a signature gets nowhere."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    async with serving(await limited(tmp_path, webhook_secrets=secret)) as service:
        answers = [await ask(service.port, "/external/webhook", method="POST") for _ in range(5)]
        assert [(401, (None, None))] * 5 == [(answer.status, limits(answer)) for answer in answers]
        # Other methods are not the sender's.
        assert [405, 405, 429] == await statuses(service.port, *[("/external/webhook", "")] * 3)


@pytest.mark.parametrize(
    "forged",
    [
        "X-Forwarded-For: 198.51.100.{n}\r\n",
        "Forwarded: for=198.51.100.{n}\r\n",
        "X-Real-IP: 198.51.100.{n}\r\n",
        "X-API-Key: forged-key-number-{n}\r\n",
        "Authorization: Bearer forged-key-number-{n}\r\n",
        "User-Agent: somebody else {n}\r\n",
    ],
)
async def test_what_a_client_says_of_itself_gains_nothing(tmp_path: Path, forged: str) -> None:
    """Another address or key with every request: they all count for the address that they come from."""
    async with serving(await limited(tmp_path)) as service:
        requests = [("/categories", forged.format(n=number)) for number in range(4)]
        assert [200, 200, 429, 429] == await statuses(service.port, *requests)
        assert 1 == service.app[keys.LIMITER].clients


async def test_a_key_of_ours_is_a_client_of_its_own(tmp_path: Path) -> None:
    """Its quota is not the address's, nor another key's, whichever header brings it."""
    async with serving(await limited(tmp_path)) as service:
        plain, ours = ("/categories", ""), ("/categories", f"X-API-Key: {KEY}\r\n")
        bearer, other = (
            ("/categories", f"Authorization: Bearer {KEY}\r\n"),
            ("/categories", f"X-API-Key: {OTHER_KEY}\r\n"),
        )
        assert [200, 200, 429] == await statuses(service.port, plain, plain, plain)
        assert [200, 200, 429, 429] == await statuses(service.port, ours, bearer, ours, bearer)
        assert [200, 200, 429] == await statuses(service.port, other, other, other)


async def test_behind_a_trusted_proxy_clients_are_told_apart(tmp_path: Path) -> None:
    """By what the proxy appended, and not by what they had put before it."""
    async with serving(await limited(tmp_path, trusted_proxies="127.0.0.0/8,::1")) as service:
        for last in (1, 2):
            requests = [
                ("/categories", f"X-Forwarded-For: 1.1.1.{n}\r\nX-Forwarded-For: 198.51.100.{last}\r\n")
                for n in range(3)
            ]
            assert [200, 200, 429] == await statuses(service.port, *requests)


async def test_off_is_off(tmp_path: Path) -> None:
    """Nobody is counted, and nothing is said of limits."""
    async with serving(settings_for(await catalogue(tmp_path), rate_limit="off")) as service:
        answers = [await ask(service.port, "/categories") for _ in range(5)]
        assert [(200, (None, None))] * 5 == [(answer.status, limits(answer)) for answer in answers]
        assert keys.LIMITER not in service.app


async def until_reported(service: Service) -> None:
    """Wait until Redis has answered to a report on the service's only client."""
    (client,) = service.app[keys.LIMITER].quota_clients["default"].table.clients.values()
    async with asyncio.timeout(20):
        while not client.seen:  # noqa: ASYNC110 - in the background
            await asyncio.sleep(0.01)


async def test_with_redis_two_services_have_one_limit(tmp_path: Path, redis_url: str) -> None:
    """What was used up at one is used up at the other, once they were reconciled."""
    settings = await limited(tmp_path, redis_url=redis_url)
    async with serving(settings) as first, serving(settings) as second:
        assert [200, 200, 429] == await statuses(first.port, *[("/categories", "")] * 3)
        await until_reported(first)
        # The other does not know of this client yet: its first request there passes, and the answer to its report has
        # what was used up.
        assert [200] == await statuses(second.port, ("/categories", ""))
        await until_reported(second)
        assert [429] == await statuses(second.port, ("/categories", ""))
        assert first.app[keys.LIMITER].shared
        assert second.app[keys.LIMITER].shared
