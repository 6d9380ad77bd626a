"""Whether a server has the statements that it does not answer.

A NAT or load balancer that forgot a connection swallows what is sent on it: the server never sees the statement, and
neither end is told. A server that merely takes its time lists the statement as running. Asking costs a connection of
its own, and only where a statement has been silent for long.
"""

import asyncio
from collections.abc import Sequence

import aiomysql

from farmlokal.database.mysql_connection import Connection, ServerSession
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.errors import DatabaseUnavailable

# With a server that does not answer this either, each statement lives out its own limit.
_LOOK_WAIT_MAX_S = 0.5


async def unheard(opener: ConnectionOpener, silent: Sequence[Connection]) -> list[Connection]:
    """Returns those of the `silent` connections whose statement the server does not have.

    Their sessions are ended at the server, where it still has them: their locks would be in the way of the next try.
    Empty where the server cannot be asked.
    """
    asked = {connection.session: connection for connection in silent if connection.session is not None}
    if not asked:
        return []
    try:
        async with asyncio.timeout(_LOOK_WAIT_MAX_S):
            lost = await _unheard_sessions(opener, list(asked))
    except (DatabaseUnavailable, aiomysql.Error, OSError):  # a TimeoutError too
        return []
    return [asked[session] for session in lost]


async def _unheard_sessions(opener: ConnectionOpener, asked: Sequence[ServerSession]) -> list[ServerSession]:
    own = await opener.open()
    try:
        async with own.cursor() as cursor:
            numbers = ", ".join(str(number) for number, _ in asked)
            await cursor.execute(
                f"SELECT id, host, command FROM information_schema.processlist WHERE id IN ({numbers})"
            )
            resting = {(number, host): command == "Sleep" for number, host, command in cursor._rows}
            lost = [session for session in asked if resting.get(session, True)]
            for number, _ in resting.keys() & set(lost):
                await cursor.execute(f"KILL {number}")
            return lost
    finally:
        own.abort()
        own.close()
