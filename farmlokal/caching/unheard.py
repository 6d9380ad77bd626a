"""Invalidations that Redis does not take from the process that has them: left in the database, and sent by others.

A process that alone is cut off from Redis goes on writing, and the others hear Redis well: nothing tells them that they
miss something. What they share with it besides is the database. So the process leaves there what it could not send,
and each of them looks there twice a second, sends what it finds, and deletes it then. Where two do so at once, or one
dies before it has deleted, the same is sent twice, which costs a load.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.errors import FarmLokalError
from farmlokal.resilience.failure_log import log_failure
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# With the wait for Redis before, and what a notice takes behind it, others hear of a write within a second.
LOOK_EVERY_S = 0.5
# While no process has a Redis what is left adds up: more rows become few, and more tags everything. Redis takes 1.5 µs
# for a tag, and serves nobody else meanwhile.
_ROWS_MAX = 100
_TAGS_MAX = 5_000
_LOGGED_EVERY_S = 60.0


class LeftTags(Protocol):
    """Where tags are left, for every process of the catalogue. Its methods raise Unavailable."""

    async def leave(self, tags: Iterable[str]) -> None:
        """Leave `tags`. Where it fails they may have been left all the same."""
        ...

    async def read(self) -> Sequence[tuple[int, frozenset[str]]]:
        """Return what was left first, row by row: its id and tags. There may be more."""
        ...

    async def remove(self, ids: Sequence[int], *, instead: Iterable[str] = ()) -> None:
        """Delete rows that `read` returned. instead: left in one step with that, unless others had deleted them all."""
        ...


class Leaving:
    """What this process has not sent, and is still to leave."""

    def __init__(self, table: LeftTags) -> None:
        self._table = table
        self._unleft: set[str] = set()
        self._at_work = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Leaving unleft={len(self._unleft)}>"

    def add(self, tags: Iterable[str]) -> None:
        """From now on `tags` are to be left, unless they are sent before."""
        self._unleft.update(tags)
        if len(self._unleft) > _TAGS_MAX:
            self._unleft = {EVERYTHING}

    def sent(self, tags: Iterable[str]) -> None:
        """Redis has `tags`: they need not be left."""
        self._unleft.difference_update(tags)

    async def leave(self) -> bool:
        """Leave what is to be left. Returns whether all of it is."""
        async with self._at_work:
            leaving, self._unleft = self._unleft, set()
            if not leaving:
                return True
            left = False
            try:
                await self._table.leave(leaving)
                left = True
            except FarmLokalError as error:
                log_failure(_log, "invalidations could not be left in the database", error)
            except Exception:
                _log.exception("invalidations could not be left in the database")
            finally:
                if not left:
                    self.add(leaving)
            return left


class Deliveries:
    """Sends what processes have left.

    send: returns those of the tags that are other processes'; None where Redis does not take them. clock: monotonic
    seconds.
    """

    def __init__(
        self,
        table: LeftTags,
        send: Callable[[frozenset[str]], Awaitable[frozenset[str] | None]],
        counts: CacheCounts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._send = send
        self._counts = counts
        self._clock = clock
        self._log_from = float("-inf")

    def __repr__(self) -> str:
        return f"<Deliveries sent={self._counts.sent_for_others}>"

    async def keep(self) -> None:
        """Look now and twice a second, until cancelled."""
        await every(LOOK_EVERY_S, self.look, log=_log, failed="what others cannot send was not looked for")

    async def look(self) -> None:
        """Send what is left, and delete it; where Redis does not take it, see to it that it does not add up."""
        while rows := await self._table.read():
            ids = [row_id for row_id, _ in rows]
            tags = frozenset[str]().union(*(tags for _, tags in rows))
            if len(tags) > _TAGS_MAX:
                tags = frozenset({EVERYTHING})
            others = await self._send(tags)
            if others is not None:
                await self._table.remove(ids)
                self._counts.sent_for_others += len(others)
                self._say(others)
            elif len(rows) > _ROWS_MAX:
                await self._table.remove(ids, instead=tags)
            else:
                return

    def _say(self, others: frozenset[str]) -> None:
        now = self._clock()
        if others and now >= self._log_from:
            self._log_from = now + _LOGGED_EVERY_S
            _log.warning("a process cannot send its invalidations: they are sent from here", dependency="redis")
