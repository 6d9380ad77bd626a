"""Clients that hold to the protocol in their own way: each gets its answer, on both paths."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.raw_requests import exchange, problem
from tests.support.service import Service
from tests.support.waiting import until
from tests.support.webhook_sender import SECRET, body_of, headers_for, new_id
from tests.support.webhook_sender import product as wire_product
from tests.web.hot_service import asking, connections_of, no_loose_ends
from tests.web.two_paths import LAST, Paths, two_paths
from tests.web.watched_store import watch_store

_WAIT_MAX_S = 20
TARGETS = ["/", "/products?limit=2", "/products?limit=0", "/products/1", "/products/0", "/categories", "/nowhere"]
TARGETS += ["/auth/token", "/external/sync", "/external/sync/1", "/openapi.json", "/docs", "/problems/not-found"]
TARGETS += ["/livez", "/readyz", "/metrics", "/products/"]
HOST = b"Host: test\r\n"


@pytest.fixture
async def paths(tmp_path: Path) -> AsyncIterator[Paths]:
    """A service with the hot path and one without, which take webhooks."""
    async with two_paths(tmp_path, webhook_secrets=SECRET) as running:
        yield running


async def said_to(port: int, sent: bytes) -> bytes:
    """Everything that the service says to a client that sends `sent`, closes its sending half, and listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(_WAIT_MAX_S):
            return await reader.read()
    finally:
        writer.close()


def delivery(event_id: str, *, expect: str = "") -> bytes:
    """A signed event, as bytes. expect: a whole header line."""
    body = body_of("product.upserted", wire_product())
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers_for(event_id, body).items())
    head = f"POST /external/webhook HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n{expect}{lines}\r\n"
    return head.encode() + body


async def test_a_half_closed_client_gets_its_answer(paths: Paths) -> None:
    """From every route, from the database and from memory: the answer that a client gets which goes on sending."""
    for service in paths:
        for target in TARGETS * 2:
            expected = (await exchange(service.port, asking(target) + LAST)).status
            said = await said_to(service.port, asking(target))
            assert f"HTTP/1.1 {expected} ".encode() == said[: len("HTTP/1.1 200 ")], target
            assert 1 == said.count(b"\r\nServer: farmlokal"), target


async def test_a_half_closed_sender_hears_what_its_event_did(paths: Paths) -> None:
    """A webhook takes effect, and its sender is told so."""
    for service in paths:
        event_id = new_id()
        for duplicate in (b"false", b"true"):
            assert b'{"duplicate":%b,' % duplicate in await said_to(service.port, delivery(event_id))


async def test_every_request_before_the_end_is_answered(paths: Paths) -> None:
    """Several at once, the last a half one: all that are whole are answered in their order."""
    for service in paths:
        for behind in (b"", b"GET /products HTT", b"\r\n"):
            said = await said_to(service.port, asking("/categories") + asking("/products") + asking("/livez") + behind)
            assert 3 == said.count(b"HTTP/1.1 200 OK")
            assert said.endswith(b'{"status":"alive"}')


async def test_who_sends_nothing_whole_is_let_go(paths: Paths) -> None:
    """Nothing at all, half a head, half a body: the connection ends, and nobody waits for the rest."""
    half = delivery(new_id())[:-1]
    for service in paths:
        for sent in (b"", b"GET /prod", half):
            assert b"" == await said_to(service.port, sent)


async def test_the_end_comes_while_the_page_is_loaded(paths: Paths) -> None:
    """The client waits for as long as it takes, and for what it asked behind that too."""
    with no_loose_ends():
        for service in paths:
            store = watch_store(service.app)
            store.gate = asyncio.Event()
            asked = asyncio.create_task(said_to(service.port, asking("/products?limit=7") + asking("/livez")))
            alone = asyncio.create_task(said_to(service.port, asking("/products?limit=8")))
            await until(lambda store=store: store.questions == 2)  # type: ignore[misc]
            if service is paths.hot:
                await until(lambda: [True, True] == [one.half_closed for one in connections_of(paths.hot)])
            store.gate.set()
            assert 2 == (await asked).count(b"HTTP/1.1 200 OK")
            assert 1 == (await alone).count(b"HTTP/1.1 200 OK")
        await until(lambda: [] == connections_of(paths.hot))


async def test_a_request_before_something_malformed_is_answered_first(paths: Paths) -> None:
    """In one segment: what was well-formed has its answer, then comes the 400, then the end."""
    for service in paths:
        for first in (asking("/products?limit=3"), asking("/categories"), delivery(new_id())):
            for garbage in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01"):
                said = await said_whole(service, first + garbage + LAST)
                assert said.startswith(b"HTTP/1.1 200 OK")
                assert 1 == said.count(b"/problems/bad-request")
                assert b"alive" not in said


async def test_what_stands_behind_the_last_request_is_passed_over(paths: Paths) -> None:
    """`Connection: close` is the client's word: it gets its answer, and nothing else."""
    for service in paths:
        for target in ("/products?limit=4", "/categories"):
            last = b"GET %b HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" % target.encode()
            for behind in (asking("/livez"), b"GARBAGE\r\n\r\n", b"\r\n\r\n", b"x" * 5000):
                said = await said_whole(service, last + behind)
                assert said.startswith(b"HTTP/1.1 200 OK")
                assert 1 == said.count(b"\r\nServer: farmlokal")


async def said_whole(service: Service, sent: bytes) -> bytes:
    """Everything that the service says to `sent`, up to the end that it makes itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(_WAIT_MAX_S):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"])
async def test_another_version_of_http_is_a_505_problem(paths: Paths, version: str) -> None:
    """Whatever is asked for: the answer says which versions there are, and the connection ends."""
    for service in paths:
        for line in (f"GET /products {version}", f"GET /livez {version}", f"POST /external/webhook {version}"):
            refused = await exchange(service.port, line.encode() + b"\r\n" + HOST + b"\r\n" + LAST)
            assert "HTTP/1.0 and HTTP/1.1 are spoken here" == problem(refused, 505, "version-not-supported")["detail"]
            assert 1 == refused.body.count(b"instance")


async def test_the_preface_of_http_2_is_a_505_problem(paths: Paths) -> None:
    """A client that speaks HTTP/2 without having asked is told so."""
    refused = await exchange(paths.hot.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9)
    problem(refused, 505, "version-not-supported")


async def test_a_body_is_invited_when_it_is_wanted(paths: Paths) -> None:
    """`Expect: 100-continue`: a body of a good length is asked for, and its event takes effect."""
    for service in paths:
        sent = delivery(new_id(), expect="Expect: 100-continue\r\n")
        head, end, body = sent.partition(b"\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        async with asyncio.timeout(_WAIT_MAX_S):
            writer.write(head + end)
            assert b"HTTP/1.1 100 Continue\r\n\r\n" == await reader.readuntil(b"\r\n\r\n")
            writer.write(body)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        writer.close()


@pytest.mark.parametrize(
    ("line", "status", "name"),
    [
        (b"POST /external/webhook HTTP/1.1\r\nContent-Length: 262145\r\n", 413, "content-too-large"),
        (b"GET /products/0 HTTP/1.1\r\nContent-Length: 5\r\n", 400, "invalid-parameter"),
        (b"POST /external/sync HTTP/1.1\r\nContent-Length: 5\r\n", 403, "access-denied"),
    ],
)
async def test_a_body_that_nobody_reads_is_not_invited(paths: Paths, line: bytes, status: int, name: str) -> None:
    """The answer is the first thing that the client hears, and it may keep its body."""
    for service in paths:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        async with asyncio.timeout(_WAIT_MAX_S):
            writer.write(line + HOST + b"Expect: 100-continue\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readuntil(b"}")
        writer.close()
        assert f"HTTP/1.1 {status} ".encode() in head
        assert f"/problems/{name}".encode() in body
        assert (status == 413) == (b"Connection: close" in head)
