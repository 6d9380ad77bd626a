"""What HTTP says of every answer (RFC 9110, 9111, 9112, 9211), as a table of cases; both paths where both answer."""

import math
import re
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.value import Value
from farmlokal.web.answers.representation import Freshness, same_until
from tests.support.kept_connection import ask_kept, kept_connection
from tests.support.products import catalogue
from tests.support.raw_requests import ask, exchange
from tests.support.service import Service, serving, settings_for

LOADED_AT, TTL_S, STALE_S = 1000.0, 30, 300
VALUE = Value(b"{}")
# Header names as RFC 9211 (a structured list of one member) has them.
CACHE_STATUS = re.compile(
    r"farmlokal; (hit; ttl=-?\d+(; detail=(memory|redis))?|fwd=miss(; stored)?(; collapsed)?"
    r"|fwd=stale; detail=origin-error)"
)
CHANGING = {"Date", "X-Request-ID", "Cache-Control", "Cache-Status", "Server-Timing"}


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def service(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path), hot_path=request.param)) as running:
        yield running


def lookup(outcome: Outcome, **others: bool) -> Lookup:
    """An answer of the cache that was loaded at LOADED_AT and fresh for TTL_S."""
    return Lookup(VALUE, LOADED_AT, LOADED_AT + TTL_S, outcome, **others)


@pytest.mark.parametrize(
    ("after_s", "found", "status", "max_age", "stale"),
    [
        (0.0, lookup(Outcome.MISS), "fwd=miss; stored", 30, 300),
        (0.4, lookup(Outcome.MISS, collapsed=True), "fwd=miss; stored; collapsed", 29, 300),
        # Invalidated while it was loaded: good for this answer alone.
        (0.0, lookup(Outcome.MISS, stored=False), "fwd=miss", 0, 300),
        (8.2, lookup(Outcome.MEMORY_HIT), "hit; ttl=21; detail=memory", 21, 300),
        (29.9, lookup(Outcome.REDIS_HIT), "hit; ttl=0; detail=redis", 0, 300),
        # Fresh when it was looked up, and not any more when the answer is made.
        (30.1, lookup(Outcome.MEMORY_HIT), "hit; ttl=0; detail=memory", 0, 299),
        (8.2, lookup(Outcome.NEGATIVE_HIT), "hit; ttl=21; detail=memory", 21, 300),
        (42.0, lookup(Outcome.STALE), "hit; ttl=-12", 0, 288),
        # Invalidated within its time: stale from now on, and no cache in between may think otherwise.
        (8.2, lookup(Outcome.STALE), "hit; ttl=-1", 0, 300),
        (42.5, lookup(Outcome.STALE_ERROR), "fwd=stale; detail=origin-error", 0, 287),
        (331.0, lookup(Outcome.STALE_ERROR), "fwd=stale; detail=origin-error", 0, 0),
        # A clock that was set back makes nothing live longer.
        (-5.0, lookup(Outcome.MEMORY_HIT), "hit; ttl=35; detail=memory", 30, 300),
    ],
)
def test_the_caching_headers_of_each_outcome(
    after_s: float, found: Lookup, status: str, max_age: int, stale: int
) -> None:
    """`max-age` is what is left of the fresh time; after it, what is left of the stale time is in both `stale-…`."""
    headers = Freshness(STALE_S).headers(found, LOADED_AT + after_s)
    assert f"farmlokal; {status}" == headers["Cache-Status"]
    assert CACHE_STATUS.fullmatch(headers["Cache-Status"])
    expected = f"public, max-age={max_age}, stale-while-revalidate={stale}, stale-if-error={stale}"
    assert expected == headers["Cache-Control"]
    assert "Age" not in headers
    assert (found.outcome is Outcome.MISS) == ("Server-Timing" in headers)


@given(lived_s=st.floats(-3, 40), later_s=st.floats(0, 0.999), fresh_s=st.floats(0.5, 35))
def test_headers_made_ready_are_never_used_past_their_time(lived_s: float, later_s: float, fresh_s: float) -> None:
    """Up to the moment that `same_until` names, they are those that would be made anew."""
    hit = Lookup(VALUE, LOADED_AT, LOADED_AT + fresh_s, Outcome.MEMORY_HIT)
    now = LOADED_AT + lived_s
    until = same_until(hit.fresh_until, now)
    assert now <= until <= math.floor(now) + 1
    later = now + later_s
    if later < until:
        freshness = Freshness(STALE_S)
        assert (freshness.headers(hit, now), int(now)) == (freshness.headers(hit, later), int(later))


CACHED = [
    "/products",
    "/products?limit=1",
    "/products/1",
    "/products/1/prices",
    "/products/1/prices.svg",
    "/categories",
]


@pytest.mark.parametrize("target", [*CACHED, "/openapi.json", "/docs", "/problems/not-found"])
async def test_what_is_negotiated_says_so(service: Service, target: str) -> None:
    """Whatever coding it got, a 200, its 304 and its HEAD say `Vary`, and name one form by one strong validator."""
    for sent in ("", "Accept-Encoding: br\r\n", "Accept-Encoding: identity\r\n"):
        await check_form(service, target, sent)


async def check_form(service: Service, target: str, sent: str) -> None:
    """One form of an answer, however it is asked for."""
    page = await ask_kept(service.port, target, headers=sent)
    again = await ask_kept(service.port, target, headers=f"{sent}If-None-Match: {page.headers['ETag']}\r\n")
    head = await ask_kept(service.port, target, method="HEAD", headers=sent)
    assert (200, 304, 200) == (page.status, again.status, head.status)
    for answer in (page, again, head):
        assert "Accept-Encoding" == answer.headers["Vary"]
        assert re.fullmatch(r'"[\w-]+"', answer.headers["ETag"])
        assert page.headers["ETag"] == answer.headers["ETag"]
        coding = page.headers.get("Content-Encoding")
        assert answer.headers["ETag"].endswith(f'-{coding}"' if coding else '"')
        assert (target in CACHED) == bool(CACHE_STATUS.fullmatch(answer.headers.get("Cache-Status", "")))


@pytest.mark.parametrize("target", ["/products?limit=3", "/products/1", "/categories", "/openapi.json", "/docs"])
async def test_head_has_every_header_of_get(service: Service, target: str) -> None:
    """In name and value, save those that change from one answer to the next (RFC 9110, 9.3.2)."""
    for sent in ("", "Accept-Encoding: gzip\r\n"):
        await ask_kept(service.port, target, headers=sent)
        got, head = [await ask_kept(service.port, target, method=method, headers=sent) for method in ("GET", "HEAD")]
        assert got.headers.keys() == head.headers.keys()
        for name in got.headers.keys() - CHANGING:
            assert got.headers[name] == head.headers[name]


ERRORS = [
    ("GET", "/nothing", "", 404),
    ("GET", "/products/999999", "", 404),
    ("GET", "/products/x", "", 400),
    ("GET", "/products?limit=0", "", 400),
    ("POST", "/products", "", 405),
    ("DELETE", "/external/webhook", "", 405),
    ("GET", "/products", "Accept-Encoding: *;q=0\r\n", 406),
    ("GET", "/products", 'If-Match: "old"\r\n', 412),
    ("POST", "/external/webhook", "Content-Length: 0\r\n", 503),
    ("GET", "/products", "Expect: miracles\r\n", 417),
    ("GET", "/auth/token", "", 403),
]


@pytest.mark.parametrize(("method", "target", "sent", "status"), ERRORS)
async def test_no_cache_keeps_an_error(service: Service, method: str, target: str, sent: str, status: int) -> None:
    """Every problem says `no-store` but those of test_kept_copies.py; HEAD has the same status and no body."""
    answer = await ask_kept(service.port, target, method=method, headers=sent)
    assert (status, "no-store") == (answer.status, answer.headers["Cache-Control"])
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert not {"ETag", "Age", "Cache-Status"} & set(answer.headers)
    assert 'rel="type"' in answer.headers.get("Link", 'rel="type"')
    if method == "GET":
        head = await ask_kept(service.port, target, method="HEAD", headers=sent)
        assert (status, b"") == (head.status, head.body)


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        ("/products", {"GET", "HEAD", "OPTIONS"}),
        ("/external/webhook", {"POST", "OPTIONS"}),
        ("/external/sync", {"GET", "POST", "OPTIONS"}),
    ],
)
async def test_a_405_and_options_name_the_same_methods(service: Service, target: str, allow: set[str]) -> None:
    """`Allow` is of the address, whoever asks (section 10.2.1)."""
    for method in ("DELETE", "OPTIONS"):
        answer = await ask_kept(service.port, target, method=method)
        assert allow == set(answer.headers["Allow"].replace(" ", "").split(","))


async def test_options_of_the_whole_service(service: Service) -> None:
    """The target `*` is the service itself (RFC 9112, 3.2.4); other methods cannot have it."""
    answer = await ask_kept(service.port, "*", method="OPTIONS")
    assert (204, "GET, HEAD, OPTIONS, POST", b"") == (answer.status, answer.headers["Allow"], answer.body)
    for method in ("GET", "HEAD"):
        assert 400 == (await ask(service.port, "*", method=method)).status


async def test_every_answer_is_dated(service: Service) -> None:
    """One `Date`, of now (section 6.6.1), and one request id."""
    plain = [("GET", "/products", ""), ("HEAD", "/products", ""), ("OPTIONS", "/products", "")]
    for method, target, sent in [*plain, ("GET", "/products", "If-None-Match: *\r\n"), *[case[:3] for case in ERRORS]]:
        answer = await ask_kept(service.port, target, method=method, headers=sent)
        (date,) = answer.headers.getall("Date")
        assert abs(parsedate_to_datetime(date).timestamp() - time()) < 5
        assert 1 == len(answer.headers.getall("X-Request-ID"))


async def test_a_body_that_nobody_asked_for_is_passed_over(service: Service) -> None:
    """A GET's body has no meaning (section 9.3.1): it changes no answer, and the next request is found behind it."""
    page = await ask_kept(service.port, "/products?limit=2")
    async with kept_connection(service.port) as connection:
        for fields, body in (("Content-Length: 3", b"abc"), ("Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")):
            answer = await connection.ask("/products?limit=2", headers=f"{fields}\r\n", body=body)
            assert (200, page.body) == (answer.status, answer.body)
        assert page.body == (await connection.ask("/products?limit=2")).body


async def test_the_absolute_form_is_the_same_question(service: Service) -> None:
    """A proxy's form of a target (RFC 9112, 3.2.2) gets the page of the short form, from the same entry."""
    page = await ask_kept(service.port, "/products?limit=2")
    answer = await ask_kept(service.port, "http://farmlokal.example/products?limit=2")
    assert (200, page.headers["ETag"]) == (answer.status, answer.headers["ETag"])
    assert answer.headers["Cache-Status"].startswith("farmlokal; hit")


async def test_a_client_of_http_1_0(service: Service) -> None:
    """It needs no `Host`; its connection ends after one answer, unless it asks to keep it, and is told that it is."""
    page = await ask_kept(service.port, "/products?limit=2")
    sent = b"GET /products?limit=2 HTTP/1.0\r\n"
    once = await exchange(service.port, sent + b"\r\n")
    assert (200, page.body) == (once.status, once.body)
    kept = await exchange(service.port, sent + b"Connection: keep-alive\r\n\r\nGET /livez HTTP/1.0\r\n\r\n")
    assert "keep-alive" == kept.headers["Connection"]
    assert kept.body.startswith(page.body)
    assert kept.body.endswith(b'{"status":"alive"}')


async def test_the_last_answer_says_that_it_is(service: Service) -> None:
    """Asked to close, the service says so and does it (RFC 9112, 9.6)."""
    async with kept_connection(service.port) as connection:
        answer = await connection.ask("/products?limit=2", headers="Connection: close\r\n")
        assert "close" == answer.headers["Connection"]
        assert await connection.ended()
