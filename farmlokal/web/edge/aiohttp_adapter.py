"""The one file that knows aiohttp's private names; everything else goes by the plain ones here.

A private name may mean something else in aiohttp's next release. What is taken for granted of those that the hot path
needs, `hot/assumptions.py` tries at each start; a test holds that no other file mentions one, and that the two lists
here name them all.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aiohttp import web, web_protocol
from aiohttp.http import HttpVersion10, HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler

if TYPE_CHECKING:
    from aiohttp.worker import GunicornWebWorker

_T = TypeVar("_T")
_HEAD_END = b"\r\n\r\n"
# As many messages as aiohttp lets wait. A body may be full of ends of heads, and each piece costs a microsecond.
_HEADS_APART_MAX = 32

# The hot path cannot do without these. Of a connection, of a server, of a request, and of aiohttp's module:
NAMES_OF_CONNECTIONS = (
    *(
        "_buffer_paused",
        "_close",
        "_force_close",
        "_handler_waiter",
        "_keepalive_handle",
        "_keepalive_timeout",
        "_loop",
        "_messages",
    ),
    *("_next_keepalive_close_time", "_parser", "_paused", "_process_keepalive", "_request_count"),
    *("_request_in_progress", "_upgraded", "_waiter"),
)
NAMES_OF_SERVERS = ("_kwargs", "_loop")
NAMES_OF_REQUESTS = ("_match_info", "_message", "_payload")
NAMES_OF_THE_MODULE = ("_ErrInfo",)
HOT_PATH_NAMES = frozenset((*NAMES_OF_CONNECTIONS, *NAMES_OF_SERVERS, *NAMES_OF_REQUESTS, *NAMES_OF_THE_MODULE))
# These are needed whether there is a hot path or not: of a runner, a site, a resource and a worker of gunicorn's.
OTHER_NAMES = frozenset(("_make_server", "_server", "_path", "_notify_waiter_done"))


class _Slot(Protocol[_T]):
    """The descriptor of a slot whose values are of type `_T`."""

    def __get__(self, connection: object, owner: type | None = None, /) -> _T: ...

    def __set__(self, connection: object, value: _T, /) -> None: ...


def _slot(private_name: str) -> Any:
    # The slot's own descriptor: under another name it is as fast. None where this aiohttp has no such slot.
    return getattr(RequestHandler, private_name, None)


class Connection(RequestHandler):
    """aiohttp's handler of one connection, with plain names for what it keeps to itself.

    aiohttp's task: the one that takes messages off the queue and has them answered, one after the other.

    loop: the event loop.
    queue: the messages that were parsed and not taken off yet, each with the stream of its body.
    messages_parsed: how many there have been.
    waiter: what aiohttp's task waits for while the queue is empty; None while it does not wait. Parsing sets it.
    writing_paused: that the client does not take what is written.
    upgraded: that what follows the last message is not HTTP.
    closing: that the message under way is the last. force_closed: that the connection is cut, or being shut down.
    in_progress: that a request is being answered; a shutdown waits for `end_progress`.
    last_body: of the last message that was parsed, wherever that is by now.
    """

    __slots__ = ("last_body",)

    loop: _Slot[asyncio.AbstractEventLoop] = _slot("_loop")
    queue: _Slot[deque[tuple[Any, Any]]] = _slot("_messages")
    messages_parsed: _Slot[int] = _slot("_request_count")
    waiter: _Slot[asyncio.Future[None] | None] = _slot("_waiter")
    writing_paused: _Slot[bool] = _slot("_paused")
    upgraded: _Slot[bool] = _slot("_upgraded")
    closing: _Slot[bool] = _slot("_close")
    force_closed: _Slot[bool] = _slot("_force_close")
    in_progress: _Slot[bool] = _slot("_request_in_progress")
    # Of the idle time: its length in seconds, the loop's time at its end, and the timer, None while none runs.
    idle_max_s: _Slot[float] = _slot("_keepalive_timeout")
    idle_until: _Slot[float] = _slot("_next_keepalive_close_time")
    idle_timer: _Slot[asyncio.Handle | None] = _slot("_keepalive_handle")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.last_body: StreamReader = EMPTY_PAYLOAD

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        super().connection_lost(exc)
        self.last_body = EMPTY_PAYLOAD  # it holds the connection

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, one head after the other.

        Of what aiohttp's parser is given together with something malformed, it forgets the messages.
        """
        begin = 0
        for _ in range(_HEADS_APART_MAX):
            end = data.find(_HEAD_END, begin) + len(_HEAD_END)
            if end < len(_HEAD_END) or end == len(data) or self._buffer_paused:
                break
            if not self.parse(data[begin:end]):
                return
            begin = end
        self.parse(data[begin:] if begin else data)

    def parse(self, data: bytes) -> bool:
        """Parse `data`. Returns whether what comes behind it may be a request."""
        super().data_received(data)
        if not self.queue:
            return True
        message, self.last_body = self.queue[-1]
        version = getattr(message, "version", None)
        if version is HttpVersion11 or version == HttpVersion10:
            return True
        if version is not None:  # the parser lets 0.9 and 2.0 pass, too
            self.queue.pop()
            self.queue_refusal(505, VersionNotSupported(), "another version of HTTP")
            self.last_body = EMPTY_PAYLOAD
        elif len(self.queue) > 1 and not self.queue[-2][1].is_eof():
            # What is malformed is this one's body: the refusal is its answer.
            del self.queue[-2]
        return False

    @property
    def body_is_incomplete(self) -> bool:
        """Whether more has to come of the last message that was parsed."""
        return not self.last_body.is_eof()

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp's returns nothing, and so closes
        """The event loop's word that the client sends nothing more."""
        return self.stay_half_open()

    def stay_half_open(self) -> bool:
        """Returns whether the connection stays open for answers although the client sends nothing more."""
        return False

    def end_progress(self) -> None:
        """Mark the end of a request that was marked as in progress, for a shutdown that waits for it."""
        self.in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)

    def drop_first(self) -> None:
        """Take the first message off the queue: it is answered. The parser counts those that wait."""
        self.queue.popleft()
        if self._parser is not None:
            self._parser.message_consumed()

    def queue_refusal(self, status: int, error: Exception, text: str) -> None:
        """Queue what aiohttp's parser makes of a malformed request: `handle_error` is to answer it."""
        self.queue.append((web_protocol._ErrInfo(status, error, text), EMPTY_PAYLOAD))

    def start_idle_timer(self) -> None:
        """Have the connection closed at `idle_until` if it is idle then."""
        self.idle_timer = self.loop.call_at(self.idle_until, self._process_keepalive)


class VersionNotSupported(Exception):
    """A request's version of HTTP is neither 1.0 nor 1.1."""


class ConnectionServer(web.Server):
    """A copy of an aiohttp server, with another request handler.

    connection_settings: keyword arguments for the connection handlers that it makes, those for the event loop included.
    """

    def __init__(self, server: web.Server, handler: Any) -> None:
        super().__init__(
            handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=server._loop,
            **server._kwargs,
        )
        self.connection_settings = {"loop": server._loop, **server._kwargs}


class ConnectionRunner(web.AppRunner):
    """Runs an application on a server of our own."""

    async def _make_server(self) -> web.Server:
        return self.server_like(await super()._make_server())

    def server_like(self, server: web.Server) -> web.Server:
        """The server to run in place of aiohttp's own."""
        raise NotImplementedError


class ServiceAsAWhole(web.PlainResource):
    """The target `*`, which only `OPTIONS` may have (RFC 9112 section 3.2.4): the parser refuses it to the others."""

    def __init__(self) -> None:
        super().__init__("")
        self._path = "*"


def message_of(request: web.BaseRequest) -> object:
    """The parser's message that `request` was made of."""
    return request._message


def body_has_ended(request: web.BaseRequest) -> bool:
    """Whether all of the request's body was read."""
    return request._payload.is_eof()


def route_match_of(request: web.Request) -> web.UrlMappingMatchInfo | None:
    """What the request's address met; None before it was looked up: `match_info` asserts that it was."""
    return request._match_info


def listening_sockets(site: web.BaseSite) -> Sequence[socket.socket]:
    """The sockets that a site listens on; none where the event loop's servers do not list them."""
    return getattr(site._server, "sockets", ())


def wake(worker: "GunicornWebWorker") -> None:
    """Have a worker of gunicorn's look at once whether it is still alive, and not only at its next heartbeat."""
    worker._notify_waiter_done()


def missing_names(connection: RequestHandler, server: web.Server) -> list[str]:
    """Those of HOT_PATH_NAMES that the installed aiohttp does not have."""
    return [
        *(name for name in NAMES_OF_CONNECTIONS if not hasattr(connection, name)),
        *(name for name in NAMES_OF_SERVERS if not hasattr(server, name)),
        *(name for name in NAMES_OF_REQUESTS if name not in web.Request.ATTRS),
        *(name for name in NAMES_OF_THE_MODULE if not hasattr(web_protocol, name)),
    ]
