"""Clients that take their time, never end, or do not listen: they are cut off, and nobody else notices."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import repeat
from pathlib import Path
from time import perf_counter

import pytest

from farmlokal.web import keys, runner
from farmlokal.web.edge import connection as edge_connection
from farmlokal.web.handlers import webhook
from tests.support.kept_connection import KeptConnection, kept_connection
from tests.support.products import catalogue
from tests.support.raw_requests import problem
from tests.support.service import Service, serving, settings_for
from tests.support.webhook_sender import SECRET

# In place of ten, fifteen and 75 seconds.
PATIENCE_S = 0.4
_EVERY_S = 0.03
# More than the buffers of two sockets take, and than any limit.
_ENDLESS_BYTES = 64 * 2**20
_PIECE = 64 * 1024


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def service(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """A service of little patience."""
    monkeypatch.setattr(edge_connection, "HEAD_WAIT_MAX_S", PATIENCE_S)
    monkeypatch.setattr(webhook, "_BODY_WAIT_MAX_S", PATIENCE_S)
    url = await catalogue(tmp_path)
    async with serving(settings_for(url, hot_path=request.param, webhook_secrets=SECRET)) as running:
        yield running


@asynccontextmanager
async def others_unharmed(service: Service) -> AsyncIterator[None]:
    """Ask like everybody else until the block ends: what memory holds, and what it does not."""
    over = asyncio.Event()
    asked = 0

    async def ask() -> None:
        nonlocal asked
        async with kept_connection(service.port) as connection:
            while not over.is_set():
                for target in ("/products?limit=2", f"/products?limit={asked % 50 + 1}&sort=price", "/livez"):
                    assert 200 == (await connection.ask(target)).status
                    asked += 1

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        over.set()
        await asking
    assert 3 <= asked


@asynccontextmanager
async def fresh_connection(port: int) -> AsyncIterator[KeptConnection]:
    """A connection on which nothing was sent yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield KeptConnection(reader, writer)
    finally:
        writer.transport.abort()


async def trickle(connection: KeptConnection, sent: Iterator[bytes]) -> None:
    """Send piece after piece, slowly, until the service has enough."""
    with suppress(ConnectionError):
        for piece in sent:
            await connection.send([piece])
            await asyncio.sleep(_EVERY_S)


@asynccontextmanager
async def trickling(connection: KeptConnection, start: bytes, more: bytes) -> AsyncIterator[None]:
    """Send `start`, and then a piece of `more` again and again, until the block ends."""
    await connection.send([start])
    sending = asyncio.create_task(trickle(connection, repeat(more)))
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def gone(connection: KeptConnection) -> bool:
    """Whether the service has closed the connection; who sends on is told so by a reset, or by a broken pipe."""
    try:
        return await connection.ended()
    except (ConnectionResetError, BrokenPipeError):
        return True


HEADS = [b"GET /prod", b"GET /products HTTP/1.1\r\nHost: test\r\nX-Slow: "]


@pytest.mark.parametrize("head", HEADS)
async def test_a_trickled_first_head_is_cut_off(service: Service, head: bytes) -> None:
    """Time counts from the head's first byte: bytes that keep coming gain nothing."""
    async with others_unharmed(service), fresh_connection(service.port) as connection:
        started = perf_counter()
        async with trickling(connection, head, b"a"):
            answer = await connection.receive()
        assert PATIENCE_S <= perf_counter() - started
        problem(answer, 408, "request-timeout")
        assert await gone(connection)


async def test_a_trickled_later_head_is_cut_off(service: Service) -> None:
    """So it is on a connection that has answers already, below the handlers and from them."""
    async with others_unharmed(service), fresh_connection(service.port) as connection:
        for target in ("/products?limit=2", "/products?limit=2", "/products/1"):
            assert 200 == (await connection.ask(target)).status
        async with trickling(connection, HEADS[1], b"a"):
            problem(await connection.receive(), 408, "request-timeout")
        assert await gone(connection)


async def test_half_a_head_behind_a_whole_one_is_cut_off(service: Service) -> None:
    """The first is answered, the second never ends."""
    async with fresh_connection(service.port) as connection:
        whole = b"GET /products?limit=2 HTTP/1.1\r\nHost: test\r\n\r\n"
        async with trickling(connection, whole + HEADS[1], b"a"):
            assert 200 == (await connection.receive()).status
            problem(await connection.receive(), 408, "request-timeout")
        assert await gone(connection)


async def test_a_head_that_is_there_before_the_handler_is_cut_off(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uvloop may read the first bytes before the connection's task has run once; nothing may follow them."""
    made = edge_connection.ProblemConnection.connection_made

    def made_and_read(handler: edge_connection.ProblemConnection, transport: asyncio.BaseTransport) -> None:
        made(handler, transport)
        handler.data_received(HEADS[1])

    monkeypatch.setattr(edge_connection.ProblemConnection, "connection_made", made_and_read)
    async with fresh_connection(service.port) as connection:
        problem(await connection.receive(), 408, "request-timeout")
        assert await gone(connection)


async def test_a_slow_head_that_ends_in_time_is_answered(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither slowness nor a pause between two requests is a fault; the clock starts anew with each head."""
    # So that a busy machine alone makes no head late.
    monkeypatch.setattr(edge_connection, "HEAD_WAIT_MAX_S", 2.0)
    async with fresh_connection(service.port) as connection:
        for pause_s in (2.1, 0):
            pieces = [b"GET /prod", b"ucts?limit=2 HTTP/1.1\r\n", b"Host: test\r\n", b"\r\n"]
            assert 200 == (await connection.exchange(pieces)).status
            await asyncio.sleep(pause_s)


async def test_a_client_that_sends_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first, between two requests, and with nothing but empty lines: the idle time is over some time."""
    # So that a busy machine alone does not make who asks idle.
    monkeypatch.setattr(runner, "IDLE_MAX_S", 2.0)
    async with (
        serving(settings_for(await catalogue(tmp_path))) as service,
        fresh_connection(service.port) as silent,
        fresh_connection(service.port) as asking,
        fresh_connection(service.port) as blank,
        trickling(blank, b"", b"\r\n"),
    ):
        for target in ("/livez", "/products?limit=2", "/products?limit=2"):
            assert 200 == (await asking.ask(target)).status
        assert [True] * 3 == await asyncio.gather(*map(gone, (silent, asking, blank)))


async def test_a_trickled_body_is_cut_off(service: Service) -> None:
    """The webhook's sender has so long for all of its body; no worker of the database waits with it."""
    head = b"POST /external/webhook HTTP/1.1\r\nHost: test\r\nContent-Length: 2000\r\n\r\n"
    async with (
        others_unharmed(service),
        fresh_connection(service.port) as connection,
        trickling(connection, head, b"a"),
    ):
        problem(await connection.receive(), 408, "request-timeout")


ENDLESS = [
    (b"GET /products?category=", b"a" * _PIECE, 414, "uri-too-long"),
    (b"GET /products HTTP/1.1\r\nHost: test\r\nX-Long: ", b"a" * _PIECE, 431, "headers-too-large"),
    (b"GET /products HTTP/1.1\r\nHost: test\r\n", b"X-Many: 1\r\n" * (_PIECE // 11), 400, "bad-request"),
    (
        b"POST /external/webhook HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + b"a" * _PIECE + b"\r\n",
        413,
        "content-too-large",
    ),
]


@pytest.mark.parametrize(("start", "more", "status", "name"), ENDLESS, ids=[str(case[2]) for case in ENDLESS])
async def test_what_does_not_end_is_refused(
    service: Service, start: bytes, more: bytes, status: int, name: str
) -> None:
    """A line, a header, headers or a body of 64 MiB: refused once it is too long, whatever is still to come."""
    async with others_unharmed(service), fresh_connection(service.port) as connection:
        pieces = [start, *repeat(more, _ENDLESS_BYTES // _PIECE)]
        sending = asyncio.create_task(trickle(connection, iter(pieces)))
        try:
            problem(await connection.receive(), status, name)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def test_one_that_does_not_read_harms_nobody(service: Service) -> None:
    """Its answers wait in the buffers of its connection alone, and its next requests unread."""
    counts = service.app[keys.REQUEST_COUNTS]
    answered = 0

    def count(*_: object) -> None:
        nonlocal answered
        answered += 1

    counts.listeners.append(count)
    asked = 3000
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=2**12)
    try:
        for _ in range(asked // 10):
            writer.write(b"GET /products?limit=60 HTTP/1.1\r\nHost: t\r\n\r\n" * 10)
            await asyncio.sleep(0)
        async with others_unharmed(service):
            await asyncio.sleep(PATIENCE_S)
        assert 0 < answered + counts.hot_path_answers < asked * 0.8
    finally:
        writer.transport.abort()
        del reader
