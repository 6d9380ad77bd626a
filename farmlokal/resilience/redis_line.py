"""One connection to Redis that many callers use at once: their commands go out together, answers come in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

Word = bytes | str | int

_ASKING = hiredis.pack_command(("ASKING",))


class RedisLine:
    """One connection, its commands not yet sent, and whoever waits for an answer, in their order.

    release: called with the connection once it is lost.
    """

    def __init__(
        self, connection: AbstractConnection, release: Callable[[AbstractConnection], Awaitable[object]]
    ) -> None:
        self._connection = connection
        self._release = release
        # Answers may be long in coming, when nothing is asked.
        self._timeout_s, connection.socket_timeout = connection.socket_timeout, None
        self._loop = asyncio.get_running_loop()
        self._askers: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._reading = asyncio.create_task(self._read(), name="redis answers")
        self.lost = False

    def __repr__(self) -> str:
        return f"<RedisLine {self.host} askers={len(self._askers)} lost={self.lost}>"

    @property
    def host(self) -> str:
        """The server's host; empty for a Unix socket."""
        return str(getattr(self._connection, "host", ""))

    @property
    def oldest_s(self) -> float:
        """How long the next answer has been due."""
        return self._loop.time() - self._askers[0][1] if self._askers else 0.0

    def call(self, command: tuple[Any, ...]) -> asyncio.Future[Any]:
        """The answer to `command`, to be awaited."""
        return self._ask(hiredis.pack_command(command))  # first: one that cannot be sent must not wait for an answer

    def call_asking(self, command: tuple[Any, ...]) -> asyncio.Future[Any]:
        """The answer to `command` by a node of a cluster that is yet to own its slot. Nothing comes between the two."""
        packed = hiredis.pack_command(command)
        self._ask(_ASKING)
        return self._ask(packed)

    async def close(self) -> None:
        """Give the connection up; callers that wait for an answer get an error."""
        self._lose("the connection was given up")
        await self._connection.disconnect(nowait=True)

    def _ask(self, packed: bytes) -> asyncio.Future[Any]:
        asker: asyncio.Future[Any] = self._loop.create_future()
        self._askers.append((asker, self._loop.time()))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        return asker

    def _send(self) -> None:
        writer = self._connection._writer
        if writer is not None and not self.lost:
            writer.write(b"".join(self._unsent))
        self._unsent.clear()

    async def _read(self) -> None:
        reason = "cancelled"
        try:
            while True:
                try:
                    self._answer(await self._connection.read_response(), None)
                except ResponseError as refusal:
                    self._answer(None, refusal)
        except (RedisError, OSError) as error:
            reason = str(error)
        finally:
            self._lose(reason)
        with suppress(RedisError, OSError):
            await self._connection.disconnect(nowait=True)
        self._connection.socket_timeout = self._timeout_s
        await self._release(self._connection)

    def _answer(self, answer: Any, refusal: ResponseError | None) -> None:
        if not self._askers:
            raise RedisConnectionError("an answer to nothing")
        asker, _ = self._askers.popleft()
        if asker.done():
            return  # it waits no longer
        if refusal is None:
            asker.set_result(answer)
        else:
            asker.set_exception(refusal)

    def _lose(self, reason: str) -> None:
        self.lost = True
        askers, self._askers = self._askers, deque()
        for asker, _ in askers:
            if not asker.done():
                asker.set_exception(RedisConnectionError(reason))
