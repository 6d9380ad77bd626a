"""Clients that never stop asking a service, and note each request that fails without an excuse.

The excuses are those of the contract: a connection that says `Connection: close` is not used again, nobody can connect
to a service that is gone, which is one whose `/livez` no longer answers, and a service that has drained waits a second
for requests on connections that are open, which a client on a busy machine may miss.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import NamedTuple

from tests.support.kept_connection import KeptConnection
from tests.support.webhook_sender import PATH, body_of, headers_for, new_id, product

_CONNECT_WAIT_MAX_S = 10
# Half of that second: the clock of these clients starts where they last knew that the connection was open.
_LATE_S = 0.5


class Request(NamedTuple):
    """One request to be sent. headers: whole lines."""

    target: str
    method: str = "GET"
    headers: str = ""
    body: bytes = b""


class Kind(NamedTuple):
    """A kind of client. kept: it keeps its connection for as long as that is good."""

    name: str
    make: Callable[[], Request]
    kept: bool


class Ended(Exception):
    """The service takes no connections any more, and `/livez` agrees."""


def hits() -> Request:
    """A page that memory holds."""
    return Request("/products?limit=5")


_numbers = count(1)


def misses() -> Request:
    """A page that nobody asked for before."""
    return Request(f"/products?limit=5&min_price=0&max_price={next(_numbers)}.01")


def webhooks() -> Request:
    """An event that changes the catalogue."""
    body = body_of("product.upserted", product(f"steady-{next(_numbers)}"))
    signed = headers_for(new_id(), body) | {"Content-Length": str(len(body))}
    return Request(PATH, "POST", "".join(f"{name}: {value}\r\n" for name, value in signed.items()), body)


class SteadyClients:
    """The clients of the service on `port`. answers: by name of the client and status. failures: in words."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: Counter[tuple[str, int]] = Counter()
        self.failures: list[str] = []

    def __repr__(self) -> str:
        return f"<SteadyClients answers={dict(self.answers)} failures={len(self.failures)}>"

    async def keep_asking(self, kind: Kind) -> None:
        """Ask as a client of this kind, until cancelled or ended."""
        connection: tuple[KeptConnection, asyncio.StreamWriter] | None = None
        try:
            while True:
                known_open_s = time.monotonic()
                if connection is None:
                    connection = await self._connect(kind.name)
                if await self._ask(kind.name, kind.make(), connection[0], known_open_s) and kind.kept:
                    continue
                connection[1].close()
                connection = None
        except Ended:
            return
        finally:
            if connection is not None:
                connection[1].close()

    async def _connect(self, name: str) -> tuple[KeptConnection, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(_CONNECT_WAIT_MAX_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            if await self._lives():
                self.failures.append(f"{name}: connecting: {error!r}")
                await asyncio.sleep(0.01)
                return await self._connect(name)
            raise Ended from error
        return KeptConnection(reader, writer), writer

    async def _lives(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        try:
            return (await KeptConnection(reader, writer).ask("/livez")).status == 200
        except (OSError, EOFError):
            return False
        finally:
            writer.close()

    async def _ask(self, name: str, request: Request, connection: KeptConnection, known_open_s: float) -> bool:
        """Whether the connection is good for another request.

        known_open_s: monotonic seconds at which it was known to be open.
        """
        late_s = time.monotonic() - known_open_s
        try:
            answer = await connection.ask(
                request.target, method=request.method, headers=request.headers, body=request.body
            )
        except (OSError, EOFError) as error:
            if late_s < _LATE_S:
                self.failures.append(f"{name}: asking {request.target} after {late_s:.3f} s: {error!r}")
            return False
        self.answers[name, answer.status] += 1
        if answer.status != 200:
            self.failures.append(f"{name}: {answer.status}: {answer.body[:200]!r}")
        return answer.headers.get("Connection", "").lower() != "close"


HITS = (Kind("hits", hits, kept=True), Kind("hits, each on a new connection", hits, kept=False))
KINDS = (
    *HITS,
    Kind("misses", misses, kept=True),
    Kind("misses, each on a new connection", misses, kept=False),
    Kind("webhooks", webhooks, kept=True),
)


@asynccontextmanager
async def steady_clients(port: int, *, kinds: Sequence[Kind] = KINDS, of_each: int = 3) -> AsyncIterator[SteadyClients]:
    """So many clients `of_each` of the kinds, until the block ends."""
    clients = SteadyClients(port)
    asking = [asyncio.create_task(clients.keep_asking(kind)) for kind in kinds for _ in range(of_each)]
    try:
        yield clients
    finally:
        for task in asking:
            task.cancel()
        gathered = await asyncio.gather(*asking, return_exceptions=True)
    assert [] == [error for error in gathered if isinstance(error, Exception)]
