"""A client that keeps its connection, and splits what it sends as it is told: the hot path answers no other."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from multidict import CIMultiDict

from tests.support.raw_requests import Answer

_ANSWER_WAIT_MAX_S = 20
# The server's handler is back at waiting for the next request after a turn or two of the event loop.
_SETTLE_S = 0.01


class KeptConnection:
    """One connection to a service; requests as raw bytes, answers as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, target: str, *, method: str = "GET", headers: str = "", body: bytes = b"") -> Answer:
        """The answer to one request. headers: whole lines."""
        head = f"{method} {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"
        return await self.exchange([head.encode() + body], method=method)

    async def exchange(self, pieces: Sequence[bytes], *, method: str = "GET") -> Answer:
        """The answer to one request that is sent in `pieces`, each in a segment of its own."""
        await self.send(pieces)
        return await self.receive(method=method)

    async def send(self, pieces: Sequence[bytes]) -> None:
        """Send `pieces`, each read by the server before the next."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(_SETTLE_S if len(pieces) > 1 else 0)

    async def receive(self, *, method: str = "GET") -> Answer:
        """The next answer. method: of its request, which decides whether it has a body."""
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")[:-2]
            status = int(lines[0].split()[1])
            headers = CIMultiDict(
                (name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
            )
            length = re.search(r"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            bodiless = method == "HEAD" or status in (204, 304)
            body = b"" if bodiless or length is None else await self._reader.readexactly(int(length[1]))
        await asyncio.sleep(_SETTLE_S)
        return Answer(status, headers, body)

    def cut(self) -> None:
        """Be gone: with a reset, where `close` only ends what the client sends."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def ended(self) -> bool:
        """Whether the server closed the connection, with nothing more to say."""
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            return await self._reader.read() == b""


@asynccontextmanager
async def kept_connection(port: int) -> AsyncIterator[KeptConnection]:
    """A connection whose next request the hot path sees: one is answered already."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        connection = KeptConnection(reader, writer)
        await connection.ask("/livez")
        yield connection
    finally:
        writer.close()


async def ask_kept(port: int, target: str, *, method: str = "GET", headers: str = "") -> Answer:
    """The answer to one request on a connection that is kept for more."""
    async with kept_connection(port) as connection:
        return await connection.ask(target, method=method, headers=headers)
