"""What the hot path takes for granted of aiohttp's connection handler, tried on the aiohttp that is installed."""

import asyncio

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD

from farmlokal.web.edge.aiohttp_adapter import Connection, missing_names


def unmet_assumption(loop: asyncio.AbstractEventLoop, server: web.Server) -> str | None:
    """What does not hold, in words; None when all does."""
    connection = Connection(server, loop=loop)
    if missing := missing_names(connection, server):
        return f"aiohttp has no {', '.join(missing)}"
    return _of_parsing(connection) or _of_ending(connection)


def _of_parsing(connection: Connection) -> str | None:
    connection.data_received(b"GET /products?limit=1 HTTP/1.1\r\nHost: a\r\n")
    if connection.queue:
        return "half a head is a message"
    waiter = connection.waiter = connection.loop.create_future()
    connection.data_received(b"If-None-Match: *\r\n\r\n")
    if len(connection.queue) != 1 or connection.messages_parsed != 1 or not waiter.done():
        return "a whole head does not wake the waiter"
    message, body = connection.queue[0]
    if body is not EMPTY_PAYLOAD or connection.upgraded:
        return "the parser shows no end of a message"
    read = [getattr(message, name, None) for name in ("method", "path", "should_close", "upgrade", "chunked")]
    if read != ["GET", "/products?limit=1", False, False, False] or message.headers.get("if-none-match") != "*":
        return "the parser reads other things in a message"
    # Tried with no waiter, as while a page is looked up: nothing is woken, and the next message queues up.
    connection.waiter = None
    connection.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    if len(connection.queue) != 2:
        return "messages do not queue up"
    connection.drop_first()
    connection.drop_first()
    return None


def _of_ending(connection: Connection) -> str | None:
    connection.queue_refusal(408, TimeoutError(), "the head did not end in time")
    connection.queue.clear()
    if connection.in_progress or connection.writing_paused or connection.closing or connection.force_closed:
        return "a connection does not begin idle and open"
    waiter = connection.waiter = connection.loop.create_future()
    connection.close()
    if not connection.closing or not waiter.cancelled():
        return "closing does not end the wait for a request"
    connection.force_close()
    return None if connection.force_closed else "a connection that is cut is not marked as such"
