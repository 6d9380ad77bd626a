"""What the hot path takes for granted of aiohttp's connection handler, tried on the aiohttp that is installed."""

import asyncio

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

_NAMES = (
    *("_close", "_force_close", "_handler_waiter", "_keepalive_handle", "_keepalive_timeout"),
    *("_loop", "_messages"),
    *("_next_keepalive_close_time", "_parser", "_paused", "_process_keepalive", "_request_count"),
    *("_request_in_progress", "_upgraded", "_waiter"),
)

_NAMES_OF_REQUESTS = {"_message", "_payload"}


def unmet_assumption(loop: asyncio.AbstractEventLoop, server: web.Server) -> str | None:
    """What does not hold, in words; None when all does."""
    handler = RequestHandler(server, loop=loop)
    missing = [name for name in _NAMES if not hasattr(handler, name)]
    if missing:
        return f"the connection handler has no {', '.join(missing)}"
    if lost := _NAMES_OF_REQUESTS - web.BaseRequest.ATTRS:
        return f"a request has no {', '.join(sorted(lost))}"
    handler.data_received(b"GET /products?limit=1 HTTP/1.1\r\nHost: a\r\n")
    if handler._messages:
        return "half a head is a message"
    waiter = handler._waiter = loop.create_future()
    handler.data_received(b"If-None-Match: *\r\n\r\n")
    if len(handler._messages) != 1 or not waiter.done():
        return "a whole head does not wake the waiter"
    message, payload = handler._messages.popleft()
    if isinstance(message, _ErrInfo):
        return "the parser refuses a good head"
    if payload is not EMPTY_PAYLOAD or not hasattr(handler._parser, "message_consumed"):
        return "the parser tells no end of a message"
    told = [getattr(message, name, None) for name in ("method", "path", "should_close", "upgrade", "chunked")]
    if told != ["GET", "/products?limit=1", False, False, False] or message.headers.get("if-none-match") != "*":
        return "the parser tells other things of a message"
    return None
