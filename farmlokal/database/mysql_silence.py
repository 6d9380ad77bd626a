"""Whether a server has the statements that it does not answer.

A NAT or load balancer that forgot a connection swallows what is sent on it: the server never sees the statement, and
neither end is told. A server that merely takes its time lists the statement as running. Asking costs a connection of
its own, and only where a statement has been silent for long.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

import aiomysql

from farmlokal.database.mysql_connection import Connection, ServerSession
from farmlokal.database.mysql_opening import SERVER_WAITS_S, ConnectionOpener
from farmlokal.errors import DatabaseUnavailable
from farmlokal.resilience.backoff import Backoff

# A statement without an answer for so long: the server is asked whether it has it. Most statements take a hundredth of
# that; one that takes longer costs a connection and a look at the process list, each after twice the time before.
# A COMMIT, which is given up where the server is not seen at work on it, is looked after each second.
SILENT_AFTER_S = 0.3
_COMMIT_PATIENCE_MAX_S = 1
# Five round trips, for a new connection and the question: enough where one takes 0.2 s. With a server that does not
# answer this either, each statement lives out its own limit.
_LOOK_WAIT_MAX_S = 1.5
# A session that was killed is gone within milliseconds, unless the server undoes much.
_GONE_AFTER_S = 0.02
_SETTLE_LOOK_MAX_S = 5

Abandon = Callable[[list[Connection]], list[Connection]]
"""Gives up those of the connections whose statement is still without an answer, and returns them."""


def is_silent(connection: Connection, now: float) -> bool:
    """Whether its statement is due for a look; doubles the time until the next one, as long statements deserve."""
    if connection.asked_at is None:
        return False
    silent_s = now - connection.asked_at
    if silent_s < max(SILENT_AFTER_S, connection.patience_s):
        return False
    connection.patience_s = 2 * silent_s if not connection.committing else silent_s + _COMMIT_PATIENCE_MAX_S
    return True


async def abandon_unheard(opener: ConnectionOpener, silent: Sequence[Connection], abandon: Abandon) -> None:
    """Have those of the `silent` connections abandoned whose statement the server does not have.

    Their sessions are ended at the server, where it still has them: their locks would be in the way of the next try.
    None is abandoned where the server cannot be asked.
    """
    asked = {connection.session: connection for connection in silent if connection.session is not None}
    if not asked:
        return
    with suppress(DatabaseUnavailable, aiomysql.Error, OSError):  # a TimeoutError too
        async with asyncio.timeout(_LOOK_WAIT_MAX_S) as limit, _looking(opener) as own:
            resting = await _resting(own, asked)
            for session, connection in asked.items():
                if not resting.get(session, True):
                    connection.seen_at_work()
            # One that was answered meanwhile is at rest too. So first ours are given up, as far as they still wait, and
            # then the sessions of those alone are ended: no other may be killed.
            lost = abandon([asked[session] for session in asked if resting.get(session, True)])
            limit.reschedule(asyncio.get_running_loop().time() + _LOOK_WAIT_MAX_S)
            for connection in lost:
                if connection.session in resting:
                    await _kill(own, connection.session)


async def settle(opener: ConnectionOpener, session: ServerSession | None) -> None:
    """Return once nothing that was sent in `session` can take effect any more. The session is ended where it still is.

    While the server lists it that is not so, however long: without its group a server holds a COMMIT until it has one
    again, and kills nothing. Where the server cannot be asked, or never listed it, that is for as long as it keeps a
    silent session.
    """
    if session is None:
        await asyncio.sleep(SERVER_WAITS_S)
        return
    now = asyncio.get_running_loop().time
    backoff, listed_at = Backoff(base_s=0.1, max_s=1.0), now()
    for attempt in count(1):
        listed = await _end(opener, session)
        if listed:
            listed_at = now()
        elif listed is False or now() - listed_at >= SERVER_WAITS_S:
            return
        await asyncio.sleep(backoff.wait_s(attempt))


async def _end(opener: ConnectionOpener, session: ServerSession) -> bool | None:
    """End `session`. Returns whether the server lists it still; None where it does not say."""
    listed = None
    with suppress(DatabaseUnavailable, aiomysql.Error, OSError):
        async with asyncio.timeout(_SETTLE_LOOK_MAX_S), _looking(opener) as own:
            while session in await _resting(own, [session]):
                listed = True
                await _kill(own, session)
                await asyncio.sleep(_GONE_AFTER_S)
            return False
    return listed


@asynccontextmanager
async def _looking(opener: ConnectionOpener) -> AsyncIterator[Connection]:
    own = await opener.open()
    try:
        yield own
    finally:
        own.abort()
        own.close()


async def _resting(own: Connection, sessions: Iterable[ServerSession]) -> dict[ServerSession, bool]:
    """Those of `sessions` that the server lists, and whether they have no statement under way."""
    async with own.cursor() as cursor:
        numbers = ", ".join(str(number) for number, _ in sessions)
        await cursor.execute(f"SELECT id, host, command FROM {own.sessions_table} WHERE id IN ({numbers})")
        return {(number, host): command == "Sleep" for number, host, command in cursor._rows}


async def _kill(own: Connection, session: ServerSession) -> None:
    # It may have ended by itself meanwhile.
    with suppress(aiomysql.OperationalError):
        await own.query(f"KILL {session[0]}")
