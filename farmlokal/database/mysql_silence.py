"""Whether a server has the statements that it does not answer.

A NAT or load balancer that forgot a connection swallows what is sent on it: the server never sees the statement, and
neither end is told. A server that merely takes its time lists the statement as running. Asking costs a connection of
its own, and only where a statement has been silent for long.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import aiomysql

from farmlokal.database.mysql_connection import Connection, ServerSession
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.errors import DatabaseUnavailable

# With a server that does not answer this either, each statement lives out its own limit.
_LOOK_WAIT_MAX_S = 0.5


Abandon = Callable[[list[Connection]], list[Connection]]
"""Gives up those of the connections whose statement is still without an answer, and returns them."""


async def abandon_unheard(opener: ConnectionOpener, silent: Sequence[Connection], abandon: Abandon) -> None:
    """Have those of the `silent` connections abandoned whose statement the server does not have.

    Their sessions are ended at the server, where it still has them: their locks would be in the way of the next try.
    None is abandoned where the server cannot be asked.
    """
    asked = {connection.session: connection for connection in silent if connection.session is not None}
    if not asked:
        return
    with suppress(DatabaseUnavailable, aiomysql.Error, OSError):  # a TimeoutError too
        async with asyncio.timeout(_LOOK_WAIT_MAX_S):
            await _abandon_sessions(opener, asked, abandon)


async def _abandon_sessions(
    opener: ConnectionOpener, asked: Mapping[ServerSession, Connection], abandon: Abandon
) -> None:
    own = await opener.open()
    try:
        async with own.cursor() as cursor:
            numbers = ", ".join(str(number) for number, _ in asked)
            await cursor.execute(f"SELECT id, host, command FROM {own.sessions_table} WHERE id IN ({numbers})")
            resting = {(number, host): command == "Sleep" for number, host, command in cursor._rows}
            # One that was answered meanwhile is at rest too. So first ours are given up, as far as they still wait, and
            # then the sessions of those alone are ended: no other may be killed.
            for connection in abandon([asked[session] for session in asked if resting.get(session, True)]):
                if connection.session in resting:
                    await cursor.execute(f"KILL {connection.session[0]}")
    finally:
        own.abort()
        own.close()
