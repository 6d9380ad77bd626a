"""Connections whose first request is there before aiohttp's task; and pages that Redis alone has."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from farmlokal.web import keys
from farmlokal.web.hot.look_up import LookUpConnection
from tests.support.kept_connection import KeptConnection, ask_kept
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for

# As many pages as the catalogue can tell apart.
PAGES = [f"/products?limit={limit}" for limit in range(1, 61)]
# Turns of the event loop by which a task is late: not at all, less than is waited for it, and more.
LATE = [0, 3, 30]
HELD = 3
# A busy machine may be slow to answer without being away.
_REDIS_WAIT_MS = 3000


@asynccontextmanager
async def serving_from_redis(folder: Path, redis_url: str) -> AsyncIterator[Service]:
    """A service that has nothing in memory; another one brought all PAGES into Redis."""
    url = await catalogue(folder)
    settings = settings_for(url, redis_url=redis_url, redis_wait_ms=_REDIS_WAIT_MS)
    async with serving(settings) as before:
        # One after the other: all at once might wait for each other longer than anybody does on a busy machine.
        assert [200] * len(PAGES) == [(await before.client.get(target)).status for target in PAGES]
        await before.app[keys.CACHE].settle()
    async with serving(settings) as service:
        # What the start brought into memory.
        service.app[keys.CACHE]._memory.clear()
        yield service


async def answers_counted(service: Service) -> int:
    """How many requests for pages and products were counted."""
    text = (await ask_kept(service.port, "/metrics")).body.decode()
    counts = re.findall(r'^farmlokal_http_requests_total\{.*route="/products.*\} (\S+)$', text, re.MULTILINE)
    return int(sum(map(float, counts)))


@asynccontextmanager
async def connections_that_ask(port: int, sent: Sequence[bytes]) -> AsyncIterator[list[KeptConnection]]:
    """Connections that are let in by the kernel with what they ask, before the event loop has seen any of them."""
    async with AsyncExitStack() as stack:
        clients = []
        for request in sent:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(request)
            client.setblocking(False)
            clients.append(client)
        opened = []
        for client in clients:
            reader, writer = await asyncio.open_connection(sock=client)
            stack.callback(writer.close)
            opened.append(KeptConnection(reader, writer))
        yield opened


def make_tasks_late(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """Have the task of each connection wait for `turns` of the event loop before it begins to wait for requests."""
    start = LookUpConnection.start

    async def late(handler: LookUpConnection) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        if handler.transport is not None:  # as it is when aiohttp's own begins
            await start(handler)

    monkeypatch.setattr(LookUpConnection, "start", late)


def read_at_once(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> list[LookUpConnection]:
    """Have the first connection from now on read `pieces` as soon as it is made; the handlers that did."""
    made, handlers = LookUpConnection.connection_made, list[LookUpConnection]()

    def made_and_read(handler: LookUpConnection, transport: asyncio.BaseTransport) -> None:
        made(handler, transport)
        if not handlers:
            handlers.append(handler)
            for piece in pieces:
                handler.data_received(piece)

    monkeypatch.setattr(LookUpConnection, "connection_made", made_and_read)
    return handlers
