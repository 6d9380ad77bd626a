"""One connection to Redis for every short command of a mechanism.

What is asked for in one turn of the event loop is sent by one write; answers come in the order of the commands.

redis-py takes a connection of its pool for each command and waits for each answer by itself: measured, six times what
the command costs here. It still makes the connection, signs in, and parses the answers.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.exceptions import AskError, MovedError, NoScriptError, TryAgainError
from redis.exceptions import TimeoutError as RedisTimeoutError

from farmlokal.resilience.redis_line import RedisLine, Word
from farmlokal.resilience.redis_master import At, MasterFinder, Place, finder_of
from farmlokal.resilience.redis_reasons import ConnectTimeout

# A slot on its way from one node to another answers so for as long as the command's keys are on both: milliseconds.
# Each wait is longer than the one before by so much.
_TRY_AGAIN_AFTER_S = 0.005
# Redirects and waits for one command; a slot that moves twice meanwhile is followed twice.
_ATTEMPTS_MAX = 5


class Script:
    """One Lua script: its text, and the name that Redis gives it, the SHA-1 of the text in hexadecimal."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __repr__(self) -> str:
        return f"<Script {self.sha}>"


class RedisPipe:
    """Commands over one connection of `pool`, made when it is needed and again when it is lost.

    In a cluster it follows a slot to its owner (MOVED), and for a key that went ahead of its slot asks the node that is
    to own it (ASK). wait_max_s: an answer that is due for longer means a dead connection: the next command takes
    another. Callers bound their own waits.
    """

    def __init__(self, pool: ConnectionPool, *, wait_max_s: float) -> None:
        self._pool = pool
        self._finder = finder_of(pool)
        self._wait_max_s = wait_max_s
        self._line: RedisLine | None = None
        self._connecting: asyncio.Task[RedisLine] | None = None
        # To the node that the last ASK named.
        self._ahead: tuple[Place, RedisLine] | None = None
        self._going_ahead = asyncio.Lock()

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
        for attempt in range(1, _ATTEMPTS_MAX):
            line = self._line
            if line is None or line.lost or line.oldest_s > self._wait_max_s:
                line = await self._connected(line)
            try:
                try:
                    return await line.call(command)
                except AskError as redirect:  # MOVED, too
                    place = Place(redirect.host or line.host, redirect.port)
                    if not isinstance(redirect, MovedError):
                        return await (await self._line_ahead(place)).call_asking(command)
                    if self._finder is None:
                        raise
                    self._leave(line, place, self._finder)
            except TryAgainError:
                await asyncio.sleep(_TRY_AGAIN_AFTER_S * attempt)
        return await (await self._line_now()).call(command)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> Any:
        """Return what `script` does, which Redis may have by its name already. Raises as `call`."""
        try:
            return await self.call("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            # Redis restarted, or is new to us; this keeps the script there.
            return await self.call("EVAL", script.text, len(keys), *keys, *args)

    async def close(self) -> None:
        """Give up the connections beside the pool's."""
        if self._ahead is not None:
            await self._ahead[1].close()

    def _leave(self, line: RedisLine, place: Place, finder: MasterFinder) -> None:
        """Make the next connection at `place`. The old one ends with it; what was sent on it is answered before."""
        if self._line is line:
            self._line = None
            finder.look_at(place)

    async def _line_now(self) -> RedisLine:
        line = self._line
        return line if line is not None and not line.lost else await self._connected(line)

    async def _line_ahead(self, place: Place) -> RedisLine:
        """A connection to the node at `place`: beside the pool's, since it is not the master that all others use."""
        async with self._going_ahead:
            if self._ahead is not None:
                known, line = self._ahead
                if known == place and not line.lost:
                    return line
                await line.close()
            options = {**self._pool.connection_kwargs, "finder": At(place), "redis_connect_func": None}
            connection: AbstractConnection = self._pool.connection_class(**options)
            await connection.connect()  # type: ignore[no-untyped-call]
            line = RedisLine(connection, _forget)
            self._ahead = place, line
            return line

    async def _connected(self, useless: RedisLine | None) -> RedisLine:
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(useless), name="redis pipe")
            self._connecting.add_done_callback(self._found)
        # One of the callers may be cancelled; the connection is for all.
        return await asyncio.shield(self._connecting)

    async def _connect(self, useless: RedisLine | None) -> RedisLine:
        try:
            async with asyncio.timeout(self._wait_max_s):
                if useless is not None:
                    await useless.close()
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        except (TimeoutError, RedisTimeoutError) as error:
            raise ConnectTimeout(str(error)) from error
        self._line = RedisLine(connection, self._pool.release)
        return self._line

    def _found(self, connecting: "asyncio.Task[RedisLine]") -> None:
        self._connecting = None
        if not connecting.cancelled():
            connecting.exception()  # where every caller was cancelled nobody else asks for it


async def _forget(_: AbstractConnection) -> None:
    """A connection that no pool has needs nothing but its end."""
