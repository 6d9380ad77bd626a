"""Heads that are known without parsing: only by plain values do two differ, and each request keeps its own."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.typing import EventDict

from farmlokal.limiting.quotas import DEFAULT
from farmlokal.web import keys
from tests.support.kept_connection import kept_connection
from tests.support.log_lines import logged
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for
from tests.web.conversations import COMMON
from tests.web.hot_service import connections_of
from tests.web.two_paths import LAST, Paths, comparable, stream, two_paths

# The proxy in front is whoever connects.
PROXIED: dict[str, Any] = {
    "access_log": "on",
    "rate_limit": "default=1000000/minute",
    "trusted_proxies": "127.0.0.1,10.0.0.0/8",
}
_OWN_ID = re.compile(r"[0-9a-f]{16}")
_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# By a field's name: values that differ with every request, some of which are not what they should be.
_VALUES = {
    "X-Request-ID": ["a", "b.c-d_e", "", "not mine", "x" * 64, "x" * 65, "é", "id\r\n", "a, b"],
    "X-Forwarded-For": ["203.0.113.7", " 198.51.100.1, 10.1.1.1 ", "10.2.2.2", "[2001:db8::1]:80", "nobody", "", ","],
    "traceparent": [f"00-{_TRACE}-00f067aa0ba902b7-01", f"00-{_TRACE[::-1]}-00f067aa0ba902b7-00", "x", ""],
    "tracestate": ["vendor=1", "vendor=1,other=2", "=", ""],
    "User-Agent": ["curl/8", "Mozilla/5.0 (X11)", "x" * 900, ""],
    "Cookie": ["a=b", "session=00000000", ";"],
    "Accept-Encoding": ["gzip", "br", "identity"],
    "If-None-Match": ['"x"', "*"],
    "X-API-Key": ["one", "two"],
}
_ODD = ["\x01", "\x7f", "\xff", "\0", "a\tb", "a\rb", "a\nb", "a\r\n folded", "a\r\nX-Request-ID: second", "\t a \t"]


@pytest.fixture
async def paths(tmp_path: Path) -> AsyncIterator[Paths]:
    """Both services, which believe a proxy in front of them."""
    async with two_paths(tmp_path, **PROXIED) as running:
        yield running


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Requests for one page, with the same fields in the same spelling, and values of their own."""
    names = draw(st.lists(st.sampled_from([*_VALUES]), min_size=1, max_size=5))
    spelt = [draw(st.sampled_from([name, name, name.lower(), name.upper()])) for name in names]
    colon = draw(st.sampled_from([": "] * 6 + [":", ":  ", " : "]))
    requests = []
    for _ in range(draw(st.integers(2, 5))):
        lines = []
        for name, as_spelt in zip(names, spelt, strict=True):
            odd = draw(st.integers(0, 19)) == 0
            lines.append(f"{as_spelt}{colon}{draw(st.sampled_from(_ODD if odd else _VALUES[name]))}")
        requests.append("\r\n".join(["GET /products?limit=3 HTTP/1.1", "Host: test", *lines, "", ""]).encode("latin-1"))
    return [*requests, LAST]


async def _observed(service: Service, pieces: list[bytes]) -> tuple[bytes, list[EventDict], list[str]]:
    """What a service says, logs, and counts requests for; without what depends on the moment or on chance."""
    service.app[keys.LIMITER].quota_clients[DEFAULT].table.clients.clear()
    with logged() as events:
        said = await stream(service.port, pieces)
    lines = [event for event in events if event["event"] == "answered" and event["route"] == "/products"]
    for line in lines:
        del line["duration_ms"]
        line["request_id"] = _OWN_ID.sub("*", line["request_id"])
    clients = service.app[keys.LIMITER].quota_clients[DEFAULT].table.clients
    return comparable(said.said), lines, sorted(clients)


@settings(max_examples=40, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_log_and_count_the_same(paths: Paths, pieces: list[bytes]) -> None:
    """Whatever the values are, and whatever was remembered of earlier requests."""
    assert await _observed(paths.full, pieces) == await _observed(paths.hot, pieces)


@pytest.mark.proof
@pytest.mark.timeout(600)
@settings(max_examples=1200, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_log_and_count_the_same_a_thousand_times(paths: Paths, pieces: list[bytes]) -> None:
    """The same with some five thousand requests."""
    assert await _observed(paths.full, pieces) == await _observed(paths.hot, pieces)


def _as_a_proxy_asks(number: int, *further: str) -> bytes:
    """A request with fields of its own, and some that change nothing."""
    fields = [
        "Host: test",
        f"x-request-id: r{number}",
        f"X-Forwarded-For: 203.0.113.{number}",
        f"traceparent: 00-{number:032x}-00f067aa0ba902b7-01",
        f"User-Agent: client {number}",
        *further,
    ]
    return "\r\n".join(["GET /products?limit=3 HTTP/1.1", *fields, "", ""]).encode()


async def test_a_head_that_differs_by_its_own_fields_is_not_parsed(tmp_path: Path) -> None:
    """After the first one the parser sees none of them, and each answer and log line has what its own request said."""
    async with serving(settings_for(await catalogue(tmp_path), **PROXIED)) as service:
        async with kept_connection(service.port) as connection:
            await connection.exchange([_as_a_proxy_asks(1)])
            (parsing,) = connections_of(service)
            parsed = parsing.messages_parsed
            with logged() as events:
                ids = [(await connection.exchange([_as_a_proxy_asks(n)])).headers["X-Request-ID"] for n in range(2, 9)]
            assert parsed == parsing.messages_parsed
        lines = [event for event in events if event["event"] == "answered"]
        clients = service.app[keys.LIMITER].quota_clients[DEFAULT].table.clients
        assert {f"203.0.113.{number}" for number in range(1, 9)} == set(clients)
    assert [f"r{number}" for number in range(2, 9)] == ids == [line["request_id"] for line in lines]
    assert [f"203.0.113.{number}" for number in range(2, 9)] == [line["client"] for line in lines]
    assert [f"{number:032x}" for number in range(2, 9)] == [line["trace_id"] for line in lines]


@pytest.mark.parametrize(
    ("taught", "asked"),
    [
        ("X-Request-ID: a", "X-Request-ID: a b"),
        ("X-Request-ID: a", f"X-Request-ID: {'a' * 65}"),
        ("X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: \xff"),
        ("Cookie: a=b", "Cookie: a\tb"),
        ("Cookie: a=b", "Cookie:a=c"),
        ("X-Request-ID:a", "X-Request-ID:b"),
        ("X-Request-ID: a\r\nx-request-id: \t", "X-Request-ID: b\r\nx-request-id: \t"),
    ],
    ids=["space", "length", "eight-bit", "tab", "no-space", "never-plain", "one-of-two"],
)
async def test_a_value_that_is_not_plain_is_parsed(tmp_path: Path, taught: str, asked: str) -> None:
    """What the pattern does not vouch for is the parser's to judge, also after plain ones."""
    first, second = (
        f"GET /products?limit=3 HTTP/1.1\r\nHost: test\r\n{line}\r\n\r\n".encode("latin-1") for line in (taught, asked)
    )
    async with serving(settings_for(await catalogue(tmp_path))) as service, kept_connection(service.port) as connection:
        await connection.exchange([first])
        (parsing,) = connections_of(service)
        parsed = parsing.messages_parsed
        assert 200 == (await connection.exchange([second])).status
        assert parsed + 1 == parsing.messages_parsed


@pytest.mark.parametrize("value", ["a\x01", "a\x7f", "a\0", "a\rb", "a\nb"], ids=["one", "delete", "nul", "cr", "lf"])
async def test_a_malformed_value_is_refused_after_a_plain_one(tmp_path: Path, value: str) -> None:
    """The answer is that of a service that remembers nothing."""
    plain = b"GET /products?limit=3 HTTP/1.1\r\nHost: test\r\nUser-Agent: a\r\n\r\n"
    async with two_paths(tmp_path) as both_ways:
        sent = [plain, plain.replace(b"\r\nUser-Agent: a", f"\r\nUser-Agent: {value}".encode()), LAST]
        hot, full = [comparable((await stream(service.port, sent)).said) for service in both_ways]
    assert full == hot
