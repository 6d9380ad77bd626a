"""The TCP proxy does to connections what its methods say, in front of a server that sends back what it is sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.servers.process import free_port
from tests.support.tcp_proxy import TCPProxy, tcp_proxy

SILENCE_S = 0.1


class Client:
    """One connection to the echo server through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def echo(self, text: bytes) -> bytes:
        """Send `text`; return what comes back, empty when the connection ended. Raises TimeoutError at silence."""
        self.writer.write(text)
        async with asyncio.timeout(SILENCE_S if text == b"lost" else 30):
            return await self._reader.read(100)


Connect = Callable[[], Awaitable[Client]]


async def echo_server(name: bytes) -> tuple[asyncio.Server, int]:
    """A server that sends back what it is sent, after its own name; and its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(name + data)
        writer.close()

    port = free_port()
    return await asyncio.start_server(echo, "127.0.0.1", port), port


@pytest.fixture
async def proxy() -> AsyncIterator[TCPProxy]:
    """A proxy in front of an echo server."""
    server, port = await echo_server(b"1:")
    async with tcp_proxy(port) as proxy:
        yield proxy
    server.close()


@pytest.fixture
async def connect(proxy: TCPProxy) -> AsyncIterator[Connect]:
    """Connect through the proxy; every connection is closed at the end."""
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", proxy.port)))
        return clients[-1]

    yield connect
    for client in clients:
        client.writer.close()
        with contextlib.suppress(OSError):
            await client.writer.wait_closed()


async def test_it_forgets_the_open_connections_and_passes_new_ones(proxy: TCPProxy, connect: Connect) -> None:
    """What a forgotten connection sends vanishes without an end; the client's close is seen."""
    old = await connect()
    assert b"1:a" == await old.echo(b"a")
    assert 1 == proxy.forget()
    with pytest.raises(TimeoutError):
        await old.echo(b"lost")
    new = await connect()
    assert b"1:b" == await new.echo(b"b")
    assert (1, 2, 2) == (proxy.open, proxy.held, proxy.accepted)
    old.writer.close()
    await proxy.until_held(1)
    new.writer.close()
    await proxy.until_held(0)


async def test_it_loses_answers(proxy: TCPProxy, connect: Connect) -> None:
    """What the client sends arrives, and nothing comes back; the end of either side is the end of both."""
    old = await connect()
    assert b"1:a" == await old.echo(b"a")
    assert 1 == proxy.lose_answers()
    with pytest.raises(TimeoutError):
        await old.echo(b"lost")
    assert b"1:b" == await (await connect()).echo(b"b")
    old.writer.close()
    await proxy.until_held(1)


async def test_it_swallows_until_told_to_pass(proxy: TCPProxy, connect: Connect) -> None:
    """While it swallows, new connections are accepted and nothing comes back."""
    proxy.swallow()
    with pytest.raises(TimeoutError):
        await (await connect()).echo(b"lost")
    proxy.pass_on()
    assert b"1:a" == await (await connect()).echo(b"a")


async def test_it_cuts_and_refuses(proxy: TCPProxy, connect: Connect) -> None:
    """A cut resets what is open, and a proxy that refuses resets what comes as well."""
    old = await connect()
    assert b"1:a" == await old.echo(b"a")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await old.echo(b"b")
    assert b"1:c" == await (await connect()).echo(b"c")
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        await (await connect()).echo(b"d")


async def test_it_redirects_and_delays(proxy: TCPProxy, connect: Connect) -> None:
    """New connections lead to the new target, old ones to the old; what is sent is held back for the stated time."""
    other, port = await echo_server(b"2:")
    old = await connect()
    assert b"1:a" == await old.echo(b"a")
    proxy.redirect(("127.0.0.1", port))
    assert b"2:b" == await (await connect()).echo(b"b")
    assert b"1:c" == await old.echo(b"c")
    proxy.delay(2 * SILENCE_S)
    with pytest.raises(TimeoutError):
        await old.echo(b"lost")
    other.close()
