"""Five hundred clients at once that send or read too slowly: the process's memory stays, and others are answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from farmlokal.web.edge.connection import HEAD_WAIT_MAX_S
from tests.support.command import developers, make_catalogue
from tests.support.kept_connection import kept_connection
from tests.support.logged_process import LoggedProcess, logged_process
from tests.support.waiting import until

pytestmark = [pytest.mark.proof, pytest.mark.timeout(180)]

CROWD = 500
# A head as long as one may be before it ends; the parser holds it all.
_HEAD = b"GET /products HTTP/1.1\r\nHost: test\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 3000) for n in range(10))
# What one slow head, or one client that does not read, may cost: its buffers, and a few objects of ours.
_HEAD_COSTS_MAX_BYTES = 128 * 1024
_UNREAD_COSTS_MAX_BYTES = 192 * 1024
# The kernel gives an unread connection up after 30 s, counted from a probe to the next one.
_UNREAD_GONE_S = 90


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[LoggedProcess]:
    """A process of its own, whose memory can be read; warm."""
    environment = developers(tmp_path)
    await asyncio.to_thread(make_catalogue, environment)
    async with logged_process(environment, tmp_path) as process:
        async with kept_connection(process.port) as connection:
            for _ in range(100):
                await connection.ask("/products?limit=60")
        yield process


def resident_bytes(process: LoggedProcess) -> int:
    """What the process has in memory."""
    return int(Path(f"/proc/{process.process.pid}/statm").read_text().split()[1]) * 4096


def connections(process: LoggedProcess) -> int:
    """How many files, sockets among them, the process has open."""
    return len(list(Path(f"/proc/{process.process.pid}/fd").iterdir()))


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One client of the crowd."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answered_meanwhile(process: LoggedProcess, times: int = 50) -> None:
    """Somebody else's requests, each on a new connection or a kept one."""
    async with kept_connection(process.port) as connection:
        for number in range(times):
            assert 200 == (await connection.ask(f"/products?limit={number % 20 + 1}")).status
    for _ in range(times // 10):
        async with kept_connection(process.port) as connection:
            assert 200 == (await connection.ask("/products")).status


async def test_five_hundred_slow_heads(service: LoggedProcess) -> None:
    """Each head is 30 KB and never ends: all of them are gone in time, others served, memory bounded."""
    before, open_before = resident_bytes(service), connections(service)
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(connected(service.port)) for _ in range(CROWD)]
        for _, writer in crowd:
            writer.write(_HEAD)
        await answered_meanwhile(service)
        assert open_before + CROWD <= connections(service)
        assert (resident_bytes(service) - before) / CROWD < _HEAD_COSTS_MAX_BYTES
        async with asyncio.timeout(HEAD_WAIT_MAX_S * 4):
            for reader, _ in crowd:
                assert (await reader.read(1024)).startswith(b"HTTP/1.0 408")
        await answered_meanwhile(service)
        await until(lambda: connections(service) <= open_before + 10)


async def test_five_hundred_that_do_not_read(service: LoggedProcess) -> None:
    """Each asks for a megabyte of pages and takes none: memory is bounded, and the kernel gives them up."""
    before, open_before = resident_bytes(service), connections(service)
    one = b"GET /products?limit=60 HTTP/1.1\r\nHost: test\r\n\r\n"
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(connected(service.port)) for _ in range(CROWD)]
        for _ in range(10):
            for reader, writer in crowd:
                with suppress(RuntimeError):  # not yet, or already, paused
                    reader._transport.pause_reading()  # type: ignore[attr-defined]
                writer.write(one * 40)
            await answered_meanwhile(service, 10)
        grown = (resident_bytes(service) - before) / CROWD
        assert grown < _UNREAD_COSTS_MAX_BYTES, grown
        await until(lambda: connections(service) <= open_before + 10, _UNREAD_GONE_S)
        await answered_meanwhile(service)
