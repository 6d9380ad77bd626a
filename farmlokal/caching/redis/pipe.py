"""One connection to Redis for every short command of the process.

What is asked for in one turn of the event loop is sent by one write; answers come in the order of the commands.

redis-py takes a connection of its pool for each command and waits for each answer by itself: measured, six times what
the command costs here. It still makes the connection, signs in, and parses the answers.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

Word = bytes | str | int


class RedisPipe:
    """Commands over one connection of `pool`, made when it is needed and again when it is lost.

    wait_max_s: an answer that is due for longer means a dead connection: the next command takes another. Callers bound
    their own waits.
    """

    def __init__(self, pool: ConnectionPool, *, wait_max_s: float) -> None:
        self._pool = pool
        self._wait_max_s = wait_max_s
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None

    def __repr__(self) -> str:
        return f"<RedisPipe {self._line!r}>"

    async def call(self, *command: Word) -> Any:
        """Return the answer to `command`. Raises ResponseError for a refusal, RedisError or OSError without Redis."""
        line = self._line
        if line is None or line.lost or line.oldest_s > self._wait_max_s:
            line = await self._connected(line)
        return await line.call(command)

    async def _connected(self, useless: "_Line | None") -> "_Line":
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(useless), name="redis pipe")
            self._connecting.add_done_callback(self._found)
        # One of the callers may be cancelled; the connection is for all.
        return await asyncio.shield(self._connecting)

    async def _connect(self, useless: "_Line | None") -> "_Line":
        async with asyncio.timeout(self._wait_max_s):
            if useless is not None:
                await useless.close()
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        self._line = _Line(self._pool, connection)
        return self._line

    def _found(self, connecting: "asyncio.Task[_Line]") -> None:
        self._connecting = None
        if not connecting.cancelled():
            connecting.exception()  # where every caller was cancelled nobody else asks for it


class _Line:
    """One connection, its commands not yet sent, and whoever waits for an answer, in their order."""

    def __init__(self, pool: ConnectionPool, connection: AbstractConnection) -> None:
        self._pool = pool
        self._connection = connection
        # Answers may be long in coming, when nothing is asked.
        self._timeout_s, connection.socket_timeout = connection.socket_timeout, None
        self._loop = asyncio.get_running_loop()
        self._askers: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._reading = asyncio.create_task(self._read(), name="redis answers")
        self.lost = False

    def __repr__(self) -> str:
        return f"<_Line askers={len(self._askers)} lost={self.lost}>"

    @property
    def oldest_s(self) -> float:
        """How long the next answer has been due."""
        return self._loop.time() - self._askers[0][1] if self._askers else 0.0

    def call(self, command: tuple[Any, ...]) -> asyncio.Future[Any]:
        """The answer to `command`, to be awaited."""
        packed = hiredis.pack_command(command)  # first: one that cannot be sent must not wait for an answer
        asker: asyncio.Future[Any] = self._loop.create_future()
        self._askers.append((asker, self._loop.time()))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        return asker

    async def close(self) -> None:
        """Give the connection up; callers that wait for an answer get an error."""
        self._lose("the connection was given up")
        await self._connection.disconnect(nowait=True)

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
        await self._pool.release(self._connection)

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
