"""Errors that no handler of ours raises: every one of them is a problem too, and none gives anything away."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.log_lines import at_level, logged
from tests.support.products import catalogue
from tests.support.raw_requests import ask, exchange, problem
from tests.support.service import SECRET_KEY, Service, serving, settings_for
from tests.web.watched_store import watch_store

HOST = b"Host: test\r\nConnection: close\r\n"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


@pytest.mark.parametrize("target", ["/product", "//products", "/products/1/2", "/PRODUCTS", "/%00", "/nowhere/"])
async def test_an_unknown_address_is_a_404_problem(service: Service, target: str) -> None:
    """Nothing is there, and the answer says so in the shape of every error, and where to look."""
    detail = problem(await ask(service.port, target), 404, "not-found")["detail"]
    assert "there is nothing at this address; /docs shows what there is" == detail


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("target", ["/products", "/products/1", "/categories", "/livez", "/readyz"])
async def test_a_wrong_method_is_a_405_problem_with_allow(service: Service, method: str, target: str) -> None:
    """The answer names the methods that do apply."""
    answer = await ask(service.port, target, method=method)
    problem(answer, 405, "method-not-allowed")
    assert "GET,HEAD,OPTIONS" == answer.headers["Allow"]


async def test_a_long_request_line_is_a_414_problem(service: Service) -> None:
    """A target past the limit is refused whichever part of it is long; one just below is read."""
    for target in (f"/{'a' * 9000}", f"/products?cursor={'a' * 9000}", f"/products?{'category=milk&' * 900}"):
        problem(await ask(service.port, target), 414, "uri-too-long")
    problem(await ask(service.port, f"/products?cursor={'a' * 7900}"), 400, "invalid-parameter")


async def test_a_long_header_is_a_431_problem(service: Service) -> None:
    """A header field past the limit is told apart from a long request line; one just below is read."""
    problem(await ask(service.port, "/products", headers=f"X-Long: {'a' * 9000}\r\n"), 431, "headers-too-large")
    assert 200 == (await ask(service.port, "/products", headers=f"X-Long: {'a' * 7900}\r\n")).status


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"FARM /products HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET products HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://[bad/products HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /products?district=\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /products HTTP/1.1\r\n\r\n",
        b"GET /products HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /products HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\n",
        b"GET /products HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /products HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /products HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 1000 + b"\r\n",
    ],
)
async def test_malformed_http_is_a_400_problem(service: Service, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is not HTTP is told so, the connection closes, and the log is not filled with other people's faults."""
    with logged() as events:
        problem(await exchange(service.port, sent), 400, "bad-request")
    assert [] == at_level(events, "warning", "error", "critical")
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_unknown_expectation_is_a_417_problem(service: Service) -> None:
    """It is refused before any middleware, with the shape of every error."""
    for target in ("/products", "/nowhere"):
        problem(await ask(service.port, target, headers="Expect: miracles\r\n"), 417, "refused")


async def test_an_unexpected_fault_gives_nothing_away(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets a 500 problem with the request id; what happened stands in the log once, under that id."""
    store = watch_store(service.app)
    store.fault = RuntimeError(f"SELECT * FROM products failed at /srv/farmlokal with {SECRET_KEY}")
    with logged() as events:
        answer = await ask(service.port, "/products", headers="X-Request-ID: look-for-me\r\n")
    content = problem(answer, 500, "internal-error")
    assert {
        "type": "/problems/internal-error",
        "title": "Internal error",
        "status": 500,
        "detail": "an unexpected error; the log has it",
        "instance": "look-for-me",
    } == content
    sent = str(answer.headers).encode() + answer.body
    for secret in (b"SELECT", b"srv", SECRET_KEY.encode(), b"Traceback", b"RuntimeError"):
        assert secret not in sent
    (line,) = at_level(events, "warning", "error", "critical")
    assert ("request failed", "look-for-me", "GET", "/products") == tuple(
        line[name] for name in ("event", "request_id", "method", "route")
    )
    assert line["exc_info"]
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]
    store.fault = None
    assert 200 == (await ask(service.port, "/products")).status


async def test_the_connection_survives_a_refusal(service: Service) -> None:
    """A client that keeps its connection can go on after a problem: the second answer follows the first."""
    first = b"GET /products?limit=0 HTTP/1.1\r\nHost: test\r\n\r\n"
    answer = await exchange(service.port, first + b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
    assert 400 == answer.status
    assert b'{"status":"alive"}' in answer.body
