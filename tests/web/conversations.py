"""Conversations with a service, of every kind that clients have, and how many of them to try."""

from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st

from tests.web.two_paths import LAST

QUERIES = ["", "?", "?limit=3", "?limit=03", "?category=fruits&sort=price", "?sort=price&category=Fruits", "?limit=50"]
WRONG = [
    "?limit=0",
    "?limit=3&limit=4",
    "?nothing=1",
    "?cursor=x",
    "?min_price=9&max_price=1",
    "?district=%ZZ",
    "?limit=",
]
ELSEWHERE = [
    "/products/",
    "/products/1",
    "/productsx",
    "/categories",
    "//products",
    "/Products",
    "/products#x",
    "*",
    "",
]
TARGETS = [f"/products{query}" for query in QUERIES * 3 + WRONG] + ELSEWHERE + ["http://test/products"]
FIELDS = [
    *("Accept-Encoding: gzip", "Accept-Encoding: br, zstd", "Accept-Encoding: gzip;q=0, *;q=0.5", "Accept-Encoding:"),
    *("accept-encoding: gzip, deflate", "Accept-Encoding: identity;q=0", "Accept-Encoding: \xff", "Accept: text/html"),
    *("If-None-Match: *", 'If-None-Match: "x"', 'If-None-Match: W/"x", "y"', "If-None-Match: x", 'If-Match: "x"'),
    *("If-Match: *", "If-Modified-Since: Sun, 22 Nov 2026 00:00:00 GMT", "Range: bytes=0-1", "Cookie: a=b"),
    *("X-Request-ID: mine", "X-Request-ID: not mine", "X-Request-ID:", "Origin: https://shop.example", "Origin: null"),
    *("Connection: keep-alive", "Connection: close", "Keep-Alive: timeout=5"),
    *("Content-Length: 0", "Content-Length: x", "Transfer-Encoding: gzip", "Expect: 100-continue", "Expect: nothing"),
    *("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "traceparent: x", "X-Api-Key: a key"),
    *(
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-For: x",
        "Authorization: Bearer a",
        "bad header",
        "Bad : x",
        "X: \x01",
    ),
]

# Of every test that draws conversations.
COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": True,
    "database": None,
}


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, well-formed more often than not."""
    method = draw(st.sampled_from(["GET"] * 12 + ["HEAD", "OPTIONS", "POST", "get", "G\xcbT"]))
    version = draw(st.sampled_from(["HTTP/1.1"] * 20 + ["HTTP/1.0", "HTTP/2.0", "HTTP"]))
    target = draw(st.sampled_from(TARGETS))
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=4))
    body = draw(st.sampled_from([b""] * 8 + [b"abc", b"chunked"]))
    if body == b"abc":
        fields.append("Content-Length: 3")
    elif body == b"chunked":
        fields.append("Transfer-Encoding: chunked")
        body = b"3\r\nabc\r\n0\r\n\r\n"
    head = "\r\n".join([f"{method} {target} {version}", "Host: test", *fields, "", ""])
    return head.encode("latin-1") + body


def cut(sent: bytes, places: list[int]) -> list[bytes]:
    """`sent` in pieces that end at `places`."""
    cuts = sorted({place % len(sent) for place in places} - {0})
    return [sent[first:last] for first, last in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """A few requests and the last one: pipelined and cut anywhere, or one after the other, now and then in two."""
    sent = [*draw(st.lists(requests(), min_size=1, max_size=5)), LAST]
    if draw(st.booleans()):
        return cut(b"".join(sent), draw(st.lists(st.integers(1, 2000), max_size=4)))
    return [piece for one in sent for piece in cut(one, draw(st.lists(st.integers(1, 200), max_size=1)))]
