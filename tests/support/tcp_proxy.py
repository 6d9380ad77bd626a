"""A TCP proxy between the code under test and a real server, which passes, forgets, cuts, delays and redirects.

It stands for whatever is between a service and its servers: a NAT or load balancer that forgets idle connections
(packets vanish, and neither end is told), a network that is slow, a host that is gone, a name that leads elsewhere.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.servers.process import free_port
from tests.support.waiting import until

_READ_BYTES = 2**16


class _Link:
    """One connection through the proxy.

    forgotten: whether what either end sends is swallowed. deaf: whether what the server sends is. held: whether the
    client has not closed it.
    """

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.ends = (client, server)
        self.forgotten = False
        self.deaf = False
        self.held = True

    def close(self) -> None:
        """Close both ends in good order."""
        for end in self.ends:
            end.close()

    def abort(self) -> None:
        """End both ends with a reset."""
        for end in self.ends:
            end.transport.abort()


class TCPProxy:
    """Listens on 127.0.0.1 at `port` and connects on to `target`, or to several in turns.

    accepted: how many connections came in so far, those included that were not let through.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        """target: host and port of the server behind the proxy."""
        self.port = free_port()
        self.accepted = 0
        self._targets = [target]
        self._delay_s = 0.0
        self._swallowing = False
        self._refusing = False
        self._links: set[_Link] = set()
        self._waiting: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __repr__(self) -> str:
        forgotten = sum(link.forgotten for link in self._links)
        return f"<TCPProxy {self.port}→{self._targets} open={self.open} forgotten={forgotten}>"

    @property
    def open(self) -> int:
        """The number of connections that pass bytes: neither ended nor forgotten."""
        return sum(not link.forgotten for link in self._links)

    @property
    def held(self) -> int:
        """The number of connections that clients have not closed, forgotten ones included."""
        return sum(link.held for link in self._links) + len(self._waiting)

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """End every connection and listen no more."""
        if self._server is not None:
            self._server.close()
        # Not by cancelling the handlers, of which asyncio would complain: each ends with its connection.
        self.refuse()
        await asyncio.gather(*self._tasks)

    def pass_on(self) -> None:
        """Let new connections through, without a delay. Forgotten ones stay forgotten."""
        self._swallowing = self._refusing = False
        self._delay_s = 0.0

    def forget(self) -> int:
        """Swallow from now on what the open connections send; new ones pass. Returns how many are forgotten."""
        links = [link for link in self._links if not link.forgotten]
        for link in links:
            link.forgotten = True
        return len(links)

    def lose_answers(self) -> int:
        """Swallow from now on what servers send on the open connections; what clients send still arrives.

        Returns how many connections these are.
        """
        links = [link for link in self._links if not link.forgotten]
        for link in links:
            link.deaf = True
        return len(links)

    def swallow(self) -> None:
        """Forget the open connections, and accept new ones without passing on anything."""
        self._swallowing = True
        self.forget()

    def cut(self) -> None:
        """Reset every connection; new ones pass."""
        for link in self._links:
            link.abort()
        for writer in self._waiting:
            writer.transport.abort()

    def refuse(self) -> None:
        """Reset every connection, and each new one as soon as it is there."""
        self._refusing = True
        self.cut()

    def delay(self, delay_s: float) -> None:
        """Hold whatever arrives back for `delay_s` seconds, in both directions; 0 for no delay."""
        self._delay_s = delay_s

    def redirect(self, target: tuple[str, int]) -> None:
        """Connect new connections to the host and port `target`. Open ones stay where they are."""
        self._targets = [target]

    def alternate(self, *ports: int) -> None:
        """Connect new connections to these ports of this machine in turns, as a name with several addresses does."""
        self._targets = [("127.0.0.1", port) for port in ports]

    async def until_held(self, count: int) -> None:
        """Wait until clients hold exactly `count` connections."""
        await until(lambda: self.held == count)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        try:
            if self._refusing:
                writer.transport.abort()
            elif self._swallowing:
                await self._swallow_all(reader, writer)
            else:
                await self._connect_on(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _swallow_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._waiting.add(writer)
        try:
            with contextlib.suppress(OSError):
                while await reader.read(_READ_BYTES):
                    pass
        finally:
            self._waiting.discard(writer)

    async def _connect_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(
                *self._targets[self.accepted % len(self._targets)]
            )
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server_writer)
        self._links.add(link)
        if self._refusing:
            link.abort()
        try:
            await asyncio.gather(
                self._from_client(link, reader, server_writer),
                self._pump(link, server_reader, writer),
            )
        finally:
            link.close()
            self._links.discard(link)

    async def _from_client(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pump(link, reader, writer)
        link.held = False

    async def _pump(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                if not link.forgotten and not (link.deaf and writer is link.ends[0]):
                    writer.write(data)
                    await writer.drain()
        # The end of one direction is the end of both, as the servers here have it. Where the connection is forgotten,
        # the other end hears nothing of that either.
        if not link.forgotten:
            link.close()


@asynccontextmanager
async def tcp_proxy(port: int, host: str = "127.0.0.1") -> AsyncIterator[TCPProxy]:
    """A proxy to `port` of `host` that listens until the block ends."""
    proxy = TCPProxy((host, port))
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
