"""`GET /` and addresses with a slash too many: whoever is nearly right is led on."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.products import catalogue
from tests.support.raw_requests import ask, problem
from tests.support.service import Service, serving, settings_for


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


async def test_the_index_leads_everywhere(service: Service) -> None:
    """It lists every route but itself, and the addresses of the documents are good wherever it stands."""
    answer = await ask(service.port, "/")
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])
    index = answer.json()
    shown = await ask(service.port, "/openapi.json")
    described = {(method.upper(), path) for path, methods in shown.json()["paths"].items() for method in methods}
    assert described == {("GET", "/"), *((one["method"], urljoin("/", one["address"])) for one in index["routes"])}
    for address in index["documents"].values():
        assert not address.startswith("/")
        assert 200 == (await ask(service.port, urljoin("/", address))).status


@pytest.mark.parametrize(
    ("method", "asked", "leads_to"),
    [
        ("GET", "/docs/", "/docs"),
        ("HEAD", "/products/?limit=2&sort=%70rice", "/products?limit=2&sort=%70rice"),
        ("GET", "/products/7/", "/products/7"),
        ("GET", "/products/a%2Fb/", "/products/a%2Fb"),
        ("POST", "/external/webhook/", "/external/webhook"),
        ("GET", "/external/sync/1/", "/external/sync/1"),
        ("DELETE", "/products/", "/products"),
    ],
)
async def test_a_slash_too_many_leads_on(service: Service, method: str, asked: str, leads_to: str) -> None:
    """A redirect that keeps method and query, relative, so that a prefix that a proxy takes away stays in force."""
    answer = await ask(service.port, asked, method=method)
    assert (308, b"") == (answer.status, answer.body)
    location = answer.headers["Location"]
    assert location.startswith("../")
    assert leads_to == urljoin(f"http://host{asked}", location).removeprefix("http://host")
    assert f"/shop{leads_to}" == urljoin(f"http://host/shop{asked}", location).removeprefix("http://host")


@pytest.mark.parametrize("target", ["/nowhere/", "/docs//", "//docs/", "/docs/nothing.js/x/", "///"])
async def test_where_nothing_is_nothing_is_led_to(service: Service, target: str) -> None:
    """Only an address that there is without the slash is led to."""
    problem(await ask(service.port, target), 404, "not-found")


async def test_redirects_are_counted_by_the_rate_limit(tmp_path: Path) -> None:
    """They are answers like any other."""
    async with serving(settings_for(await catalogue(tmp_path), rate_limit="default=10/hour")) as service:
        assert 308 == (await ask(service.port, "/docs/")).status
        assert 429 == (await ask(service.port, "/docs/")).status
