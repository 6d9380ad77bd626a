"""Below the handlers: what the HTTP parser refuses is answered with problem details, and slow heads are cut off."""

import asyncio
import socket
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from farmlokal.telemetry import get_logger
from farmlokal.web.answers import problems
from farmlokal.web.edge.aiohttp_adapter import Connection, VersionNotSupported
from farmlokal.web.edge.caller import new_request_id
from farmlokal.web.edge.common_headers import CommonHeaders
from farmlokal.web.edge.handed_over import HandedOver
from farmlokal.web.edge.kept_copies import spare_copies
from farmlokal.web.edge.request_counts import RequestCounts

_log = get_logger(__name__)

REQUEST_LINE_BYTES_MAX = 8190
# Not the same number as above: the parser raises one exception for both, and its limit shows which line it was.
HEADER_FIELD_BYTES_MAX = 8191
HEADERS_MAX = 100
# From the first byte of a head to its last: a client that trickles it longer is cut off.
HEAD_WAIT_MAX_S = 10.0
# Longer than the idle time of the usual load balancers (60 s), so that it is they who close.
IDLE_MAX_S = 75.0
# What the parser says of a version that it does not know, and of how HTTP/2 begins.
_OF_OTHER_VERSIONS = ("Invalid HTTP version", "PRI/Upgrade")
_VERSIONS = "HTTP/1.0 and HTTP/1.1 are spoken here"
# Of the event loop, in which aiohttp's task goes from one request to waiting for the next: it takes one or two.
_TURNS_MAX = 8
# A client that takes nothing of its answer for so long is gone (RFC 5482).
_UNREAD_MAX_MS = 30_000


class ProblemConnection(Connection):
    """aiohttp's connection with our own words for malformed requests, and a limit on how long a head takes.

    cacheable: the patterns of the routes whose answers caches may keep.
    half_closed: that the client has sent its last byte, and may wait for answers all the same.
    slow_head: the timer of a head that has begun to arrive; None while there is none.
    handed_over: the last request of this connection that the hot path left to the handlers.
    """

    __slots__ = ("_cacheable", "_common_headers", "_counts", "half_closed", "handed_over", "slow_head")

    def __init__(
        self,
        *args: Any,
        common_headers: CommonHeaders,
        counts: RequestCounts,
        cacheable: frozenset[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._cacheable = cacheable
        self._common_headers = common_headers
        self._counts = counts
        self.half_closed = False
        self.slow_head: asyncio.TimerHandle | None = None
        self.handed_over: HandedOver | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; see to it that the kernel gives up a client that stops reading."""
        super().connection_made(transport)
        ours = cast("socket.socket", transport.get_extra_info("socket"))
        if ours.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MAX_MS)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; no head is timed any more."""
        if self.slow_head is not None:
            self.slow_head.cancel()
        super().connection_lost(exc)

    def stay_half_open(self) -> bool:
        """Whether there is something that the client may still wait for.

        Many a client of a few lines closes its sending half behind its request, and reads up to the end.
        """
        if self.body_is_incomplete or self._waits_for_a_request:
            return False
        self.half_closed = True
        self._end_if_idle(_TURNS_MAX)
        return True

    @property
    def _waits_for_a_request(self) -> bool:
        return not self.queue and not self.in_progress and self.waiter is not None and not self.waiter.done()

    def _end_if_idle(self, turns: int) -> None:
        """End where nothing is asked for. turns: of the event loop, until aiohttp's task waits, works or is over."""
        if self.queue or self.in_progress:
            return
        if self._waits_for_a_request or not turns:
            self.force_close()
        else:
            self.loop.call_soon(self._end_if_idle, turns - 1)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; end behind it, where it is the last that a half-closed connection waits for."""
        answered = await super().finish_response(request, resp, start_time)
        if self.half_closed and not self.queue:
            self.close()
        return answered

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - as in aiohttp
        """End, after the request under way.

        aiohttp closes idle connections before it shuts them down; one that was made in between would wait for
        its first request until `timeout`, and not be answered when it comes.
        """
        if not self.in_progress and not self.queue:
            self.close()
        await super().shutdown(timeout)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and time a head that is not whole."""
        parsed = self.messages_parsed
        super().data_received(data)
        if self.messages_parsed != parsed:
            self.end_head()
        else:
            self.time_head(data)

    def end_head(self) -> None:
        """A message is whole: its head is not slow."""
        if self.slow_head is not None:
            self.slow_head.cancel()
            self.slow_head = None

    def time_head(self, data: bytes) -> None:
        """Time a head that is not whole: `data` arrived, brought no message, and aiohttp's task waits for one."""
        if self.slow_head is None and data.strip(b"\r\n"):  # empty lines between requests are nothing
            waiter = self.waiter
            # The first bytes may come before the task's first turn: uvloop reads as soon as it has accepted.
            if self.messages_parsed == 0 or (waiter is not None and not waiter.done()):
                self.slow_head = self.loop.call_later(HEAD_WAIT_MAX_S, self.cut_off)

    def cut_off(self) -> None:
        """End a head that takes too long: with a problem, and the connection."""
        self.slow_head = None
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            self.queue_refusal(408, HeadTimeout(), "the head did not end in time")
            waiter.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not a well-formed request; closes the connection. No client's fault is an error."""
        request_id = new_request_id()
        if status >= 500 and not isinstance(exc, VersionNotSupported):
            _log.error("connection failed", request_id=request_id, exc_info=exc)
            kind, detail = problems.INTERNAL_ERROR, "an unexpected error; the log has it"
        else:
            kind, detail = _parser_problem(exc)
            _log.debug("malformed request", request_id=request_id, problem=kind.name)
        response = problems.problem_response(kind, detail, instance=request_id)
        spare_copies(request, response, self._cacheable)
        self._common_headers.add_to(response.headers, request_id, allowed_origin=None)
        response.force_close()
        self._counts.count(request, response, 0.0)
        return response


class HeadTimeout(Exception):
    """A request's head did not end in time."""


def _parser_problem(exc: BaseException | None) -> tuple[problems.ProblemType, str]:
    match exc:
        case HeadTimeout():
            return problems.REQUEST_TIMEOUT, f"a request's head must be sent within {HEAD_WAIT_MAX_S:.0f} seconds"
        case LineTooLong() if REQUEST_LINE_BYTES_MAX in exc.args:
            return problems.URI_TOO_LONG, f"a request line may have at most {REQUEST_LINE_BYTES_MAX} bytes"
        case LineTooLong():
            return problems.HEADERS_TOO_LARGE, f"a header field may have at most {HEADER_FIELD_BYTES_MAX} bytes"
        case VersionNotSupported():
            return problems.VERSION_NOT_SUPPORTED, _VERSIONS
        case BadHttpMessage() if any(text in exc.message for text in _OF_OTHER_VERSIONS):
            return problems.VERSION_NOT_SUPPORTED, _VERSIONS
    return problems.BAD_REQUEST, "the request is not well-formed HTTP"
