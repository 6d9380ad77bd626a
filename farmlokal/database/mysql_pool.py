"""The connections to one MySQL or MariaDB server.

aiomysql has a pool of its own, but that one opens connections one after another, waits for the greeting of a paused
server for ever, and at its end for a connection that broke meanwhile.
"""

import asyncio
import random
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import PoolUse
from farmlokal.database.mysql_connection import Connection, ServerSession
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.database.mysql_role import still_leads_to_a_writer
from farmlokal.database.mysql_silence import SILENT_AFTER_S, abandon_unheard, is_silent, settle
from farmlokal.errors import DatabaseUnavailable
from farmlokal.resilience.ending import end
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.state_log import StateLog

_log = get_logger(__name__)

# A request that finds no free connection within this time is better refused than queued behind the others.
_WAIT_MAX_S = 5
# Load balancers and NATs forget a connection after some minutes of silence: four at Azure, six at AWS.
_IDLE_MAX_S = 60
# After a failover by name an old primary may go on answering; ours are with the new one after this time at the latest.
# The jitter, a tenth, spreads the connections of a service whose processes started together.
_LIFE_MAX_S = 300
_LIFE_JITTER = 0.1
# A server that answers neither a statement nor, for so long, the question whether it has it, or a new connection.
_HANGS_AFTER_S = 0.5


class MySQLPool:
    """At most `size` connections, opened when they are needed. Raises DatabaseUnavailable where there is none.

    writer: whether its server has to be one that takes writes. losses: as Database.losses. state: whether the database
    answers; by default with lines of its own. writes: whether it takes writes, as far as the last one showed.
    """

    def __init__(self, address: MySQLAddress, size: int, *, writer: bool = True, state: StateLog | None = None) -> None:
        self._address = address
        self._opener = ConnectionOpener(address)
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []  # the last one used is the next one: the others may grow old and be closed
        self._in_use: set[Connection] = set()
        self._waiting = 0
        self._closed = False
        self._idle_timer: asyncio.TimerHandle | None = None  # set while a connection is idle
        self._watch_timer: asyncio.TimerHandle | None = None  # set while one is in use
        self._background: set[asyncio.Task[None]] = set()  # the goodbyes, and a look for statements that got lost
        self._looking = False
        self._settling: set[asyncio.Task[None]] = set()
        self.losses = {"connection": 0, "commit": 0}
        self.hangs = False  # see Database.hangs
        self._writer = writer
        self.state = state or StateLog(
            _log,
            "database",
            away="the database is away: answering from what is cached",
            back="the database is back",
            begins_up=False,
        )
        self.writes = (
            StateLog(_log, "database", away="the database refuses writes", back="the database takes writes again")
            if writer
            else self.state
        )

    def __repr__(self) -> str:
        return f"<MySQLPool {self._address} in_use={len(self._in_use)} idle={len(self._idle)} size={self._size}>"

    @property
    def use(self) -> PoolUse:
        """The use of the connections now."""
        return PoolUse(len(self._in_use), len(self._idle), self._waiting)

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """Returns a connection, which its caller has to `release`; a new one where it has to be `fresh`.

        Raises DatabaseUnavailable.
        """
        if self._free.locked():
            await self._wait_for_slot()
        else:
            await self._free.acquire()
        try:
            if fresh:
                self._make_room()
            connection = (None if fresh else await self._pop_believed()) or await self._connect()
        except BaseException:
            self._free.release()
            raise
        self._in_use.add(connection)
        if self._watch_timer is None:
            self._watch_timer = asyncio.get_running_loop().call_later(SILENT_AFTER_S, self._watch)
        return connection

    def release(self, connection: Connection) -> None:
        """Keep `connection` for the next one, unless it broke, is old, or was left in the middle of a transaction."""
        self._in_use.discard(connection)
        if self._closed or connection.closed or connection.get_transaction_status() or not connection.kept:
            connection.close()
        elif (now := asyncio.get_running_loop().time()) >= connection.ends_at:
            self._run(connection.say_goodbye())
        else:
            connection.idle_since, connection.reused = now, True
            self._idle.append(connection)
            if self._idle_timer is None:
                self._idle_timer = asyncio.get_running_loop().call_later(_IDLE_MAX_S, self._let_go)
        self._free.release()

    def discard_idle(self) -> None:
        """Close every connection that is idle: another one was found to lead nowhere."""
        idle, self._idle = self._idle, []
        for connection in idle:
            # Without a goodbye, which nobody might hear.
            connection.abort()
            connection.close()

    def discard_all(self) -> None:
        """Close every connection, those in use when they are released: where they lead, nothing can be written."""
        self.discard_idle()
        for connection in self._in_use:
            connection.kept = False

    def settle(self, session: ServerSession | None) -> asyncio.Event:
        """End `session`. Returns what is set once nothing that was sent in it can take effect any more."""
        settled = asyncio.Event()

        async def work() -> None:
            await settle(self._opener, session)
            settled.set()

        task = asyncio.get_running_loop().create_task(work(), name="session with an unknown COMMIT")
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        return settled

    async def close(self) -> None:
        """Close every connection at once; a statement that still runs on one fails as if the server had gone."""
        self._closed = True
        await end(self._settling)
        for timer in (self._idle_timer, self._watch_timer):
            if timer is not None:
                timer.cancel()
        idle, self._idle = self._idle, []
        await asyncio.gather(*[connection.say_goodbye() for connection in idle], *self._background)
        for connection in self._in_use:
            connection.abort()

    async def _wait_for_slot(self) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(_WAIT_MAX_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(f"no database connection was free within {_WAIT_MAX_S} s") from error
        finally:
            self._waiting -= 1

    def _pop_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            # The server may have ended it meanwhile: it restarted, or the connection was idle for too long.
            if not connection.ended:
                return connection
            connection.close()
        return None

    async def _pop_believed(self) -> Connection | None:
        """An idle connection whose server is still a writer, as far as was seen within a second; else None."""
        while connection := self._pop_idle():
            if not self._writer or await still_leads_to_a_writer(connection):
                return connection
            self.discard_idle()
        return None

    def _make_room(self) -> None:
        """Close an idle connection where a new one would be one too many."""
        if self._idle and len(self._idle) + len(self._in_use) >= self._size:
            self._run(self._idle.pop(0).say_goodbye())

    async def _connect(self) -> Connection:
        if self._closed:
            raise DatabaseUnavailable("the connections to the database are closed")
        try:
            with self._expecting_an_answer():
                connection = await self._opener.open()
        except DatabaseUnavailable as error:
            self.state.failed(error.reason)
            raise
        life_s = _LIFE_MAX_S * (1 - _LIFE_JITTER * random.random())  # noqa: S311 - no secret
        connection.writer_at = asyncio.get_running_loop().time()
        connection.ends_at = connection.writer_at + life_s
        self.worked()
        return connection

    def worked(self) -> None:
        """The server answered."""
        self.hangs = False
        self.state.worked()

    @contextmanager
    def _expecting_an_answer(self) -> Iterator[None]:
        """Note that the server hangs where the block takes too long. Whoever waits for it need not be waited for."""
        timer = asyncio.get_running_loop().call_later(_HANGS_AFTER_S, partial(setattr, self, "hangs", True))
        try:
            yield
        finally:
            timer.cancel()

    def _let_go(self) -> None:
        """Close the connections that have been idle for too long."""
        self._idle_timer = None
        loop = asyncio.get_running_loop()
        while self._idle and loop.time() - self._idle[0].idle_since >= _IDLE_MAX_S:
            self._run(self._idle.pop(0).say_goodbye())
        if self._idle:
            self._idle_timer = loop.call_at(self._idle[0].idle_since + _IDLE_MAX_S, self._let_go)

    def _watch(self) -> None:
        """Look after the statements that have been silent for too long, as long as a connection is in use."""
        self._watch_timer = None
        if not self._in_use:
            return
        loop = asyncio.get_running_loop()
        self._watch_timer = loop.call_later(SILENT_AFTER_S / 3, self._watch)
        now = loop.time()
        if not self._looking and (silent := [connection for connection in self._in_use if is_silent(connection, now)]):
            self._looking = True
            self._run(self._abandon_unheard(silent))

    async def _abandon_unheard(self, silent: list[Connection]) -> None:
        asked = {connection: connection.asked_at for connection in silent}

        def abandon(unheard: list[Connection]) -> list[Connection]:
            # Some were answered meanwhile; a later statement of theirs is another matter.
            lost = [connection for connection in unheard if connection.asked_at == asked[connection]]
            for connection in lost:
                connection.abort()
            if lost:
                self.discard_idle()
                _log.warning("connections to the database were forgotten on their way", connections=len(lost))
            return lost

        try:
            with self._expecting_an_answer():
                await abandon_unheard(self._opener, silent, abandon)
        finally:
            self._looking = False

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
