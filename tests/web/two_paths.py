"""The same bytes sent to a service with the hot path and to one without it; what both answer, made comparable."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from farmlokal.caching.lookup import Lifetime
from farmlokal.web import keys
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for

_ANSWERS_WAIT_MAX_S = 20
# Between two pieces, so that the server reads them one by one.
_PIECE_S = 0.002
_SETTLE_S = 0.005
LAST = b"GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"

# What depends on the moment or on chance, and on nothing else.
_CHANGING = (
    (re.compile(rb"\r\nDate: [^\r]*"), b"\r\nDate: *"),
    (re.compile(rb"(max-age|stale-while-revalidate|stale-if-error)=\d+"), rb"\1=*"),
    (re.compile(rb"; ttl=\d+"), b"; ttl=*"),
    (re.compile(rb"; ttl=-\d+"), b"; ttl=-*"),
    (re.compile(rb"origin;dur=[\d.]+"), b"origin;dur=*"),
    (re.compile(rb"\r\nX-Request-ID: [0-9a-f]{16}\r"), b"\r\nX-Request-ID: *\r"),
    (re.compile(rb'"instance":"[0-9a-f]{16}"'), b'"instance":"*"'),
    # A window that opens again with time.
    (re.compile(rb'RateLimit: "default";r=\d+;t=\d+'), b'RateLimit: "default";r=*;t=*'),
    (re.compile(rb"\r\nRetry-After: \d+"), b"\r\nRetry-After: *"),
    (re.compile(rb"come back in \d+ s"), b"come back in * s"),
)


class Paths(NamedTuple):
    """The two services, over one catalogue."""

    hot: Service
    full: Service


@asynccontextmanager
async def two_paths(folder: Path, **settings: Any) -> AsyncIterator[Paths]:
    """Run both until the block ends. Their entries live equally long."""
    url = await catalogue(folder)
    async with (
        serving(settings_for(url, hot_path="on", **settings)) as hot,
        serving(settings_for(url, hot_path="off", **settings)) as full,
    ):
        for service in (hot, full):
            service.app[keys.CACHE]._lifetime = Lifetime(3600, 300, draw=lambda: 0.5)
        yield Paths(hot, full)


class Stream(NamedTuple):
    """What a service said on one connection; whole unless it closed on something that it had not read."""

    said: bytes
    whole: bool


async def stream(port: int, pieces: Sequence[bytes], *, at_once: bool = False) -> Stream:
    """Everything that the service says to `pieces`, which end with a request that closes the connection.

    at_once: that they are the connection's first; else it has had an answer, and waits for the next request.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if not at_once:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
            await reader.readuntil(b'{"status":"alive"}')
            await asyncio.sleep(_SETTLE_S)
        # Read beside: what the service said before it closed on what is still sent to it would be lost.
        reading = asyncio.create_task(_everything(reader))
        for piece in pieces:
            if not reading.done():
                writer.write(piece)
                await asyncio.sleep(_PIECE_S)
        async with asyncio.timeout(_ANSWERS_WAIT_MAX_S):
            return await reading
    finally:
        writer.transport.abort()


async def _everything(reader: asyncio.StreamReader) -> Stream:
    received = b""
    try:
        while chunk := await reader.read(2**16):
            received += chunk
    except (ConnectionResetError, BrokenPipeError):
        return Stream(received, whole=False)
    return Stream(received, whole=True)


def comparable(received: bytes) -> bytes:
    """`received` without what may differ between two answers to one request."""
    for pattern, replacement in _CHANGING:
        received = pattern.sub(replacement, received)
    return received


async def both(paths: Paths, pieces: Sequence[bytes], *, at_once: bool = False) -> tuple[bytes, bytes]:
    """What the hot path and the full path say to `pieces`, comparable; cut equally where one was cut."""
    hot, full = await asyncio.gather(*(stream(service.port, pieces, at_once=at_once) for service in paths))
    said = comparable(hot.said), comparable(full.said)
    heard = min(map(len, said)) if not (hot.whole and full.whole) else max(map(len, said))
    return said[0][:heard], said[1][:heard]
