"""One connection to Redis for every short command of a mechanism.

What is asked for in one turn of the event loop is sent by one write; answers come in the order of the commands.

redis-py takes a connection of its pool for each command and waits for each answer by itself: measured, six times what
the command costs here. It still makes the connection, signs in, and parses the answers.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from farmlokal.resilience.redis_reasons import ConnectTimeout
from farmlokal.resilience.redis_redirects import REDIRECTS, Line, Redirects
from farmlokal.resilience.redis_scripts import Script
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

Word = bytes | str | int

_ASKING = hiredis.pack_command(("ASKING",))


class RedisPipe:
    """Commands over one connection of `pool`, made when it is needed and again when it is lost.

    In a cluster it follows a slot to its owner (MOVED), and for a key that went ahead of its slot asks the node that is
    to own it (ASK). wait_max_s: an answer that is due for longer means a dead connection: the next command takes
    another. Callers bound their own waits.
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
        """Return the answer to `command`. Raises ResponseError for a refusal, RedisError or OSError without Redis."""
        line = self._line
        if line is None or line.lost or line.oldest_s > self._wait_max_s:
            line = await self._connected(line)
        try:
            return await line.call(command)
        except REDIRECTS as refusal:
            return await self._redirects.follow(line, command, refusal)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> Any:
        """Return what `script` does, which Redis may have by its name already. Raises as `call`."""
        try:
            return await self.call("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            # Redis restarted, or is new to us; this keeps the script there.
            return await self.call("EVAL", script.text, len(keys), *keys, *args)

    async def close(self) -> None:
        """Give up the connections that are none of the pool's."""
        await self._redirects.close()

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


class _Line:
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
        return f"<_Line {self.host} askers={len(self._askers)} lost={self.lost}>"

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


async def _forget(_: AbstractConnection) -> None:
    """A connection that no pool has needs nothing but its end."""


# What each key holds, None for nothing. An asker that decodes it (5 µs for 7 KB) leaves that here for its batch.
Answers = dict[str, Any]
Asker = Callable[[Answers | None], object]
Fetch = Callable[[list[str]], Awaitable[list[bytes | None] | None]]

# More than this in one MGET would hold up Redis, and everybody who waits for it, for milliseconds.
_KEYS_MAX = 256


class BatchedReads:
    """Collects keys until the event loop's next turn; every asker gets its part of the one answer.

    fetch: answers keys in their order, or None where it cannot; it does not raise.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._asked: dict[str, None] = {}
        self._askers: list[Asker] = []
        self._sending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<BatchedReads asked={len(self._asked)} sending={len(self._sending)}>"

    async def ask(self, keys: Sequence[str]) -> Answers | None:
        """Return what the keys hold, all at one moment, among other askers' keys; None where nobody can say."""
        # A future for each asker: the cancellation of one must not take the answer from the others.
        asker: asyncio.Future[Answers | None] = asyncio.get_running_loop().create_future()
        self._collect(keys, partial(_settle, asker))
        return await asker

    def ask_then(self, keys: Sequence[str], asker: Asker) -> None:
        """Call `asker` in a later turn of the event loop with what `ask` returns. It must not raise. No task."""
        # What it starts is its own asker's: the answer comes in the context of whoever asked first in that turn.
        context = copy_context()
        self._collect(keys, lambda answers: context.run(asker, answers))

    def _collect(self, keys: Sequence[str], asker: Asker) -> None:
        if not self._askers:
            asyncio.get_running_loop().call_soon(self._send)
        elif len(self._asked) + len(keys) > _KEYS_MAX:
            self._send()
            asyncio.get_running_loop().call_soon(self._send)
        self._askers.append(asker)
        for key in keys:
            self._asked[key] = None

    def _send(self) -> None:
        if not self._askers:
            return  # a full batch went before its turn
        asked, self._asked = list(self._asked), {}
        askers, self._askers = self._askers, []
        task = asyncio.create_task(self._answer(asked, askers))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _answer(self, keys: list[str], askers: list[Asker]) -> None:
        answers: Answers | None = None
        try:
            held = await self._fetch(keys)
            if held is not None:
                answers = dict(zip(keys, held, strict=True))
        finally:
            # Also where this task is cancelled, or another asker fails: nobody must wait for ever.
            for asker in askers:
                try:
                    asker(answers)
                except Exception:
                    _log.exception("a reader of redis failed")


def _settle(asker: asyncio.Future[Answers | None], answers: Answers | None) -> None:
    if not asker.done():
        asker.set_result(answers)
