"""Whether a server is still the writer that it was.

A primary that its group expelled, or that was demoted, goes on answering reads on connections that are open, with rows
that grow old; nothing tells their clients. Only a new connection, made by name, leads to the server in its place.
"""

import asyncio
from contextlib import suppress

import aiomysql

from farmlokal.database.mysql_connection import Connection

READ_ONLY = "SELECT @@GLOBAL.read_only"
"""Selects what `is_on` reads. A MySQL that is super-read-only, as every member but the primary is, has this one too."""

# At most one question a second for each connection, however often it is used: on loopback 0.1 ms.
_BELIEVED_S = 1.0
_ANSWER_MAX_S = 0.5


def is_on(value: object) -> bool:
    """Whether a server's variable is on: a number, or of later MariaDBs one of several words."""
    return str(value) not in ("0", "OFF")


async def still_leads_to_a_writer(connection: Connection) -> bool:
    """Whether the server of this idle connection is a writer, asked if that was last seen more than a second ago.

    The connection is closed where it is not, or does not answer.
    """
    now = asyncio.get_running_loop().time()
    if now - connection.writer_at < _BELIEVED_S:
        return True
    writes = False
    try:
        with suppress(aiomysql.Error, OSError):  # a TimeoutError too
            ((read_only,),) = await connection.fetch_texts(READ_ONLY, (), _ANSWER_MAX_S)
            writes = read_only is not None and not is_on(read_only.decode())
    finally:
        if not writes:
            # Without a goodbye, which nobody might hear.
            connection.abort()
            connection.close()
    if writes:
        connection.writer_at = now
    return writes
