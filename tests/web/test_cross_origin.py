"""CORS and `OPTIONS`: which sites' scripts may read answers, and what may be asked of an address."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.formats.origins import is_origin
from tests.support.kept_connection import ask_kept
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for

SHOP = "https://shop.example"
FROM_SHOP = f"Origin: {SHOP}\r\n"
PREFLIGHT = "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-api-key\r\n"


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def service(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service that two sites may read."""
    origins = f"{SHOP},http://localhost:3000"
    async with serving(
        settings_for(await catalogue(tmp_path), hot_path=request.param, cors_origins=origins)
    ) as running:
        yield running


@pytest.fixture
async def open_service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service that every site may read."""
    async with serving(settings_for(await catalogue(tmp_path), cors_origins="*")) as running:
        yield running


@pytest.fixture
async def closed_service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service that no other site may read."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


@pytest.mark.parametrize("target", ["/products", "/products/1", "/products?limit=0", "/nothing", "/livez"])
async def test_a_listed_site_may_read_every_answer(service: Service, target: str) -> None:
    """Errors too, and the headers that a client wants; caches are told that the answer depends on the site."""
    for _ in range(2):
        answer = await ask_kept(service.port, target, headers=FROM_SHOP)
        assert SHOP == answer.headers["Access-Control-Allow-Origin"]
        assert {"ETag", "Link", "X-Request-ID", "Retry-After"} <= set(
            answer.headers["Access-Control-Expose-Headers"].split(", ")
        )
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", [None, "https://other.example", "http://shop.example", "null", f"{SHOP}, {SHOP}"])
async def test_another_site_may_not(service: Service, origin: str | None) -> None:
    """No header allows it, and the answer still says that it depends on the site."""
    sent = "" if origin is None else f"Origin: {origin}\r\n"
    for _ in range(2):
        answer = await ask_kept(service.port, "/products", headers=sent)
        assert 200 == answer.status
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Accept-Encoding, Origin" == answer.headers["Vary"]


async def test_one_site_is_not_given_the_answer_of_another(service: Service) -> None:
    """The same entry in memory, asked for by both sites in turn, names each its own."""
    for origin in [SHOP, "http://localhost:3000"] * 3:
        answer = await ask_kept(service.port, "/products?limit=2", headers=f"Origin: {origin}\r\n")
        assert origin == answer.headers["Access-Control-Allow-Origin"]


async def test_a_preflight_request_is_answered(service: Service) -> None:
    """It names what a script may send, for two hours."""
    answer = await ask_kept(service.port, "/products", method="OPTIONS", headers=FROM_SHOP + PREFLIGHT)
    assert (204, SHOP) == (answer.status, answer.headers["Access-Control-Allow-Origin"])
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert "X-API-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert "7200" == answer.headers["Access-Control-Max-Age"]


async def test_a_preflight_request_of_another_site_is_allowed_nothing(service: Service) -> None:
    """The browser finds no permission, and does not send the request."""
    sent = f"Origin: https://other.example\r\n{PREFLIGHT}"
    answer = await ask_kept(service.port, "/products", method="OPTIONS", headers=sent)
    assert 204 == answer.status
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


async def test_everybody_may_read_an_open_service(open_service: Service) -> None:
    """With `*` every answer is the same for all, so that caches in between need one copy."""
    for sent in ("", FROM_SHOP):
        answer = await ask_kept(open_service.port, "/products", headers=sent)
        assert ("*", "Accept-Encoding") == (answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"])


async def test_without_a_setting_nothing_is_said(closed_service: Service) -> None:
    """No header of CORS, not even on a preflight request."""
    for method in ("GET", "OPTIONS"):
        answer = await ask_kept(closed_service.port, "/products", method=method, headers=FROM_SHOP + PREFLIGHT)
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        ("/products", "GET, HEAD, OPTIONS"),
        ("/products/7", "GET, HEAD, OPTIONS"),
        ("/external/sync", "GET, OPTIONS, POST"),
        ("/external/webhook", "OPTIONS, POST"),
        ("/livez", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_names_the_methods(closed_service: Service, target: str, allow: str) -> None:
    """An empty answer with `Allow`."""
    answer = await ask_kept(closed_service.port, target, method="OPTIONS")
    assert (204, allow, b"") == (answer.status, answer.headers["Allow"], answer.body)


@pytest.mark.parametrize(
    "target", ["/products", "/products?sort=price", "/products/7", "/categories", "/livez", "/readyz"]
)
async def test_head_is_get_without_its_body(closed_service: Service, target: str) -> None:
    """The headers are those of the GET, `Content-Length` included."""
    got = await ask_kept(closed_service.port, target)
    head = await ask_kept(closed_service.port, target, method="HEAD")
    assert (200, b"") == (head.status, head.body)
    assert got.headers.keys() == head.headers.keys() | ({"Server-Timing"} & got.headers.keys())
    for name in ("Content-Type", "Content-Length", "ETag", "Link"):
        if target != "/readyz":  # whose latencies change
            assert got.headers.get(name) == head.headers.get(name)


@pytest.mark.parametrize("target", ["/products", "/products?limit=0", "/nothing", "/livez", "/products/1"])
async def test_every_answer_has_the_security_headers(closed_service: Service, target: str) -> None:
    """Answers are data: nothing may guess another type, frame them, or run in them."""
    answer = await ask_kept(closed_service.port, target)
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert "default-src 'none'; frame-ancestors 'none'" == answer.headers["Content-Security-Policy"]
    assert "no-referrer" == answer.headers["Referrer-Policy"]
    assert "farmlokal" == answer.headers["Server"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHOP, True),
        ("http://localhost:3000", True),
        ("https://[2001:db8::1]:8443", True),
        ("https://shop.example/", False),
        ("https://Shop.example", False),
        ("https://shop.example:443", False),
        ("http://shop.example:80", False),
        ("ftp://shop.example", False),
        ("shop.example", False),
        ("null", False),
        ("https://*.example", False),
    ],
)
def test_origins_are_written_as_browsers_do(text: str, expected: bool) -> None:
    """Anything else would never be equal to what a browser sends."""
    assert expected == is_origin(text)
