"""One connection to Redis for every short command of a mechanism.

What is asked for in one turn of the event loop is sent by one write; answers come in the order of the commands.

redis-py takes a connection of its pool for each command and waits for each answer by itself: measured, six times what
the command costs here. It still makes the connection and signs in; from then on what arrives goes straight to hiredis,
without a stream, a task and a second copy of every answer in between.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import hiredis
from redis._parsers.base import BaseParser
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from farmlokal.resilience.redis_reasons import ConnectTimeout
from farmlokal.resilience.redis_redirects import REDIRECTS, Line, Redirects
from farmlokal.resilience.redis_scripts import Script

Word = bytes | str | int

_ASKING = hiredis.pack_command(("ASKING",))
# What the parser gives while an answer is not whole.
_UNFINISHED = object()


class RedisPipe:
    """Commands over one connection of `pool`, made when it is needed and again when it is lost.

    In a cluster it follows a slot to its owner (MOVED), and for a key that went ahead of its slot asks the node that is
    to own it (ASK). wait_max_s: the longest that a call takes, connecting included; an answer that is due for longer
    means a dead connection, and the next command takes another.
    """

    def __init__(self, pool: ConnectionPool, *, wait_max_s: float) -> None:
        self._pool = pool
        self._wait_max_s = wait_max_s
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None
        self._redirects = Redirects(pool, self._next_line, lambda connection: _Line(connection, _forget))

    def __repr__(self) -> str:
        return f"<RedisPipe {self._line!r}>"

    @property
    def connecting(self) -> bool:
        """Whether a connection is being made."""
        return self._connecting is not None

    @property
    def tls(self) -> bool:
        """Whether the connections are of TLS."""
        return issubclass(self._pool.connection_class, SSLConnection)

    async def connect(self) -> None:
        """Make the connection where there is none. Raises RedisError or OSError without Redis."""
        if self._line is None or self._line.lost:
            await self._connected(self._line)

    async def call(self, *command: Word) -> Any:
        """Return the answer to `command`.

        Raises ResponseError for a refusal, RedisError or OSError without Redis, TimeoutError where none comes in time.
        """
        return await self._call(command, asyncio.get_running_loop().time() + self._wait_max_s)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> Any:
        """Return what `script` does, which Redis may have by its name already. Raises as `call`."""
        until = asyncio.get_running_loop().time() + self._wait_max_s
        try:
            return await self._call(("EVALSHA", script.sha, len(keys), *keys, *args), until)
        except NoScriptError:
            # Redis restarted, or is new to us; this keeps the script there.
            return await self._call(("EVAL", script.text, len(keys), *keys, *args), until)

    async def close(self) -> None:
        """Give up the connections that are none of the pool's."""
        await self._redirects.close()

    async def _call(self, command: tuple[Word, ...], until: float) -> Any:
        line = self._line
        if line is None or line.lost or line.oldest_s > self._wait_max_s:
            async with asyncio.timeout_at(until):
                line = await self._connected(line)
        try:
            return await line.call(command, until)
        except REDIRECTS as refusal:
            async with asyncio.timeout_at(until):
                return await self._redirects.follow(line, command, refusal, until)

    async def _next_line(self, line: Line) -> "_Line":
        # The old one ends once the new one has met another server; what was sent on it is answered before.
        if self._line is line:
            self._line = None
        return self._line or await self._connected(None)

    async def _connected(self, useless: "_Line | None") -> "_Line":
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(useless), name="redis pipe")
            self._connecting.add_done_callback(self._found)
        # One of the callers may be cancelled; the connection is for all.
        return await asyncio.shield(self._connecting)

    async def _connect(self, useless: "_Line | None") -> "_Line":
        try:
            async with asyncio.timeout(self._wait_max_s):
                if useless is not None:
                    await useless.close()
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        except (TimeoutError, RedisTimeoutError) as error:
            raise ConnectTimeout(str(error)) from error
        self._line = _Line(connection, self._pool.release)
        return self._line

    def _found(self, connecting: asyncio.Task["_Line"]) -> None:
        self._connecting = None
        if not connecting.cancelled():
            connecting.exception()  # where every caller was cancelled nobody else asks for it


class _Line(asyncio.Protocol):
    """One connection, its commands not yet sent, and whoever waits for an answer, in their order.

    release: called with the connection once it is lost.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        release: Callable[[AbstractConnection], Awaitable[object]],
    ) -> None:
        writer = connection._writer
        if writer is None:
            raise RedisConnectionError("the connection was lost as soon as it was made")
        self._connection = connection
        self._release = release
        self._loop = asyncio.get_running_loop()
        # Each with the times since when and until when its answer is waited for, of the event loop's clock.
        self._askers: deque[tuple[asyncio.Future[Any], float, float]] = deque()
        # One for all: a timer for each command would cost as much as the rest of it.
        self._giving_up: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._unsent: list[bytes] = []
        self._answers = hiredis.Reader(
            protocolError=InvalidResponse, replyError=BaseParser.parse_error, notEnoughData=_UNFINISHED
        )
        self.lost = False
        self._transport = writer.transport
        self._stream = self._transport.get_protocol()
        self._transport.set_protocol(self)

    def __repr__(self) -> str:
        return f"<_Line {self.host} askers={len(self._askers)} lost={self.lost}>"

    @property
    def host(self) -> str:
        """The server's host; empty for a Unix socket."""
        return str(getattr(self._connection, "host", ""))

    @property
    def oldest_s(self) -> float:
        """How long the next answer has been due."""
        return self._loop.time() - self._askers[0][1] if self._askers else 0.0

    def call(self, command: tuple[Any, ...], until: float) -> asyncio.Future[Any]:
        """The answer to `command`, to be awaited; TimeoutError where it does not come until then."""
        # First: one that cannot be sent must not wait for an answer.
        return self._ask(hiredis.pack_command(command), until)

    def call_asking(self, command: tuple[Any, ...], until: float) -> asyncio.Future[Any]:
        """The answer to `command` by a node of a cluster that is yet to own its slot. Nothing comes between the two."""
        packed = hiredis.pack_command(command)
        self._ask(_ASKING, until).cancel()  # nobody waits for its answer
        return self._ask(packed, until)

    async def close(self) -> None:
        """Give the connection up; callers that wait for an answer get an error."""
        self._lose("the connection was given up")
        await self._connection.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        """Give each asker its answer."""
        try:
            self._answers.feed(data)
            while (answer := self._answers.gets()) is not _UNFINISHED:
                self._answer(answer)
        except RedisError as error:
            self._lose(str(error))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Askers get an error, and the pool has the connection back."""
        self._stream.connection_lost(exc)  # redis-py may wait for it
        self._lose(str(exc or "the server closed the connection"))
        self._ending = self._loop.create_task(self._give_back(), name="redis connection lost")

    def _ask(self, packed: bytes, until: float) -> asyncio.Future[Any]:
        asker: asyncio.Future[Any] = self._loop.create_future()
        self._askers.append((asker, self._loop.time(), until))
        if self._giving_up is None:
            self._giving_up = self._loop.call_at(until, self._give_up)
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        return asker

    def _send(self) -> None:
        if not (self.lost or self._transport.is_closing()):
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _answer(self, answer: Any) -> None:
        if isinstance(answer, hiredis.PushNotification):
            return  # an answer to nobody
        if isinstance(answer, RedisConnectionError):
            raise answer  # a server that is loading its data, say
        if not self._askers:
            raise RedisConnectionError("an answer to nothing")
        asker = self._askers.popleft()[0]
        if asker.done():
            return  # it waits no longer
        if isinstance(answer, ResponseError):
            asker.set_exception(answer)
        else:
            asker.set_result(answer)

    def _give_up(self) -> None:
        """Have those wait no longer whose answers are late. They keep their places: answers may come yet."""
        self._giving_up = None
        now, next_at = self._loop.time(), float("inf")
        for asker, _, until in self._askers:
            if asker.done():
                continue
            if until <= now:
                asker.set_exception(TimeoutError())
            else:
                next_at = min(next_at, until)
        if next_at < float("inf"):
            self._giving_up = self._loop.call_at(next_at, self._give_up)

    def _lose(self, reason: str) -> None:
        self.lost = True
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        askers, self._askers = self._askers, deque()
        for asker, *_ in askers:
            if not asker.done():
                asker.set_exception(RedisConnectionError(reason))

    async def _give_back(self) -> None:
        with suppress(RedisError, OSError):
            await self._connection.disconnect(nowait=True)
        await self._release(self._connection)


async def _forget(_: AbstractConnection) -> None:
    """A connection that no pool has needs nothing but its end."""
