"""What client libraries and trackers make of an address: one question, one entry, on both paths."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.kept_connection import kept_connection
from tests.support.products import catalogue
from tests.support.raw_requests import ask, problem
from tests.support.service import Service, serving, settings_for
from tests.web.two_paths import two_paths
from tests.web.watched_store import watch_store

API_KEY = "a-key-for-the-tests"
PLAIN = "category=fruits,milk&in_stock=true&organic=false"
SPELLINGS = [
    PLAIN,
    "category=milk&category=fruits&in_stock=True&organic=False",
    "category[]=fruits&category[]=milk&in_stock=TRUE&organic=FALSE",
    "category%5B%5D=fruits&category%5b%5d=milk&in_stock=1&organic=0",
    "category[]=fruits&category=milk&in_stock=tRuE&organic=fAlSe",
    f"utm_source=letter&{PLAIN}&utm_medium=e-mail",
    f"{PLAIN}&fbclid=IwAR0x",
    f"_=1795342500123&{PLAIN}&gclid=CjwK",
    # Whatever is wrong with a value that counts for nothing.
    f"{PLAIN}&utm_campaign=caf%E9&utm_campaign=%zz&utm_term=%00",
    f"{PLAIN}&%75tm_source=letter",
]


async def test_every_spelling_is_one_entry(tmp_path: Path) -> None:
    """All of them get the page of one load, whose link asks the canonical question alone."""
    async with two_paths(tmp_path) as paths:
        for service in paths:
            store = watch_store(service.app)
            async with kept_connection(service.port) as connection:
                answers = [await connection.ask(f"/products?{query}&limit=1") for query in SPELLINGS]
            assert {200} == {answer.status for answer in answers}
            assert 1 == len({(answer.headers["ETag"], answer.headers["Link"]) for answer in answers})
            link = answers[0].headers["Link"]
            assert link.startswith("<?category=fruits,milk&in_stock=true&organic=false&limit=1&cursor=")
            assert 1 == store.questions


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with parameters of its own that count for nothing."""
    settings = settings_for(await catalogue(tmp_path), ignored_parameters="ref,c*,f*", api_keys=API_KEY)
    async with serving(settings) as running:
        yield running


async def test_the_setting_names_what_is_dropped(service: Service) -> None:
    """Its names alone, on every route that refuses parameters; the usual ones are unknown then."""
    for target in ("/products", "/products/1", "/products/1/prices", "/categories"):
        assert 200 == (await ask(service.port, f"{target}?ref=letter&campaign=1&c=")).status
        problem(await ask(service.port, f"{target}?utm_source=letter"), 400, "invalid-parameter")
    key = f"X-API-Key: {API_KEY}\r\n"
    problem(await ask(service.port, "/external/sync?ref=letter&full=perhaps", headers=key), 400, "invalid-parameter")
    problem(await ask(service.port, "/external/sync?ref=letter", headers=key), 503, "not-configured")


async def test_the_services_own_parameters_are_never_dropped(service: Service) -> None:
    """A name with `*` that fits one of them does not take it away, with brackets or without."""
    for query in ("category=stone", "category[]=stone", "cursor=forged"):
        problem(await ask(service.port, f"/products?{query}"), 400, "invalid-parameter")
    problem(await ask(service.port, "/products/1/prices?from=ever"), 400, "invalid-parameter")


async def test_off_drops_nothing(tmp_path: Path) -> None:
    """Then a tracker's parameter is as unknown as any other."""
    async with serving(settings_for(await catalogue(tmp_path), ignored_parameters="off")) as service:
        problem(await ask(service.port, "/products?utm_source=letter"), 400, "invalid-parameter")
