"""Commands that a cluster's node does not do: the slot of their keys has another owner, or is on its way to one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AskError, MovedError, TryAgainError

from farmlokal.resilience.redis_master import At, Place, finder_of

REDIRECTS = (AskError, TryAgainError)  # MOVED is a kind of the first
# A slot on its way answers TRYAGAIN for as long as a command's keys are on both nodes: milliseconds. Each wait is
# longer than the one before by this.
_TRY_AGAIN_AFTER_S = 0.005
_ATTEMPTS_MAX = 5


class Line(Protocol):
    """One connection, which many callers use at once."""

    lost: bool

    @property
    def host(self) -> str:
        """The server's host."""
        ...

    def call(self, command: tuple[Any, ...], until: float) -> Awaitable[Any]:
        """Return the answer to a command, which is waited for until then, by the event loop's clock."""
        ...

    def call_asking(self, command: tuple[Any, ...], until: float) -> Awaitable[Any]:
        """Return the answer to a command that comes right after ASKING."""
        ...

    async def close(self) -> None:
        """Give the connection up."""
        ...


class Redirects:
    """Follows what the nodes say of one slot.

    pool: of the connections to the slot's owner. next_line: given a line that led to another node, returns one to the
    owner. line_over: makes a line of a connection.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        next_line: Callable[[Line], Awaitable[Line]],
        line_over: Callable[[AbstractConnection], Line],
    ) -> None:
        self._pool = pool
        self._finder = finder_of(pool)
        self._next_line = next_line
        self._line_over = line_over
        # To the node that the last ASK named.
        self._ahead: tuple[Place, Line] | None = None
        self._going_ahead = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Redirects {self._finder!r} ahead={self._ahead!r}>"

    async def follow(
        self, line: Line, command: tuple[Any, ...], refusal: AskError | TryAgainError, until: float
    ) -> Any:
        """Return the answer to `command`, which met with `refusal` on `line`. Raises the last refusal in the end.

        until: by the event loop's clock, the latest that an answer is waited for.
        """
        for attempt in range(1, _ATTEMPTS_MAX):
            try:
                if isinstance(refusal, AskError):
                    place = Place(refusal.host or line.host, refusal.port)
                    if not isinstance(refusal, MovedError):
                        return await (await self._line_ahead(place)).call_asking(command, until)
                    if self._finder is None:
                        break
                    self._finder.look_at(place)
                    line = await self._next_line(line)
                else:
                    await asyncio.sleep(_TRY_AGAIN_AFTER_S * attempt)
                return await line.call(command, until)
            except REDIRECTS as again:
                refusal = again
        raise refusal

    async def close(self) -> None:
        """Give up the connection that is none of the pool's."""
        if self._ahead is not None:
            await self._ahead[1].close()

    async def _line_ahead(self, place: Place) -> Line:
        """A line to the node at `place`: beside the pool, since it is not the master that all others use."""
        async with self._going_ahead:
            if self._ahead is not None:
                known, line = self._ahead
                if known == place and not line.lost:
                    return line
                await line.close()
            options = {**self._pool.connection_kwargs, "finder": At(place), "redis_connect_func": None}
            connection: AbstractConnection = self._pool.connection_class(**options)
            await connection.connect()  # type: ignore[no-untyped-call]
            self._ahead = place, self._line_over(connection)
            return self._ahead[1]
