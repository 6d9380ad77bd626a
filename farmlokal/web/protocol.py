"""Below the handlers: what the HTTP parser refuses is answered with problem details too."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from farmlokal.telemetry import get_logger
from farmlokal.web import problems
from farmlokal.web.middleware import http_problem, new_request_id

_log = get_logger(__name__)

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

REQUEST_LINE_BYTES_MAX = 8190
# Not the same number as above: the parser raises one exception for both, and its limit tells which line it was.
HEADER_FIELD_BYTES_MAX = 8191


class ProblemRequestHandler(RequestHandler):
    """aiohttp's connection handler with our own words for malformed requests."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is not a well-formed request; closes the connection. No client's fault is an error."""
        request_id = new_request_id()
        if status >= 500:
            _log.error("connection failed", request_id=request_id, exc_info=exc)
            kind, detail = problems.INTERNAL_ERROR, "an unexpected error; the log has it"
        else:
            kind, detail = _parser_problem(exc)
            _log.debug("malformed request", request_id=request_id, problem=kind.name)
        response = problems.problem_response(kind, detail, instance=request_id, headers={"X-Request-ID": request_id})
        response.force_close()
        return response


class ServiceRunner(web.AppRunner):
    """Runs an application on `ProblemRequestHandler`s, with our limits."""

    def __init__(self, app: web.Application, **kwargs: Any) -> None:
        super().__init__(
            app,
            max_line_size=REQUEST_LINE_BYTES_MAX,
            max_field_size=HEADER_FIELD_BYTES_MAX,
            access_log=None,
            # A signature is over the bytes that were sent, and nobody's small body unfolds into a large one.
            auto_decompress=False,
            **kwargs,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _ProblemServer(server)


class _ProblemServer(web.Server):
    """A copy of `server` that makes our connection handlers."""

    def __init__(self, server: web.Server) -> None:
        super().__init__(
            _refusals_as_problems(server.request_handler),
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=server._loop,
            **server._kwargs,
        )

    def __call__(self) -> RequestHandler:
        return ProblemRequestHandler(self, loop=self._loop, **self._kwargs)


def _refusals_as_problems(handler: _Handler) -> _Handler:
    """`handler` with problem details for what aiohttp refuses before any middleware: an unknown `Expect`."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            request_id = new_request_id()
            response = http_problem(error, request_id)
            response.headers["X-Request-ID"] = request_id
            return response

    return handle


def _parser_problem(exc: BaseException | None) -> tuple[problems.ProblemType, str]:
    if isinstance(exc, LineTooLong):
        if REQUEST_LINE_BYTES_MAX in exc.args:
            return problems.URI_TOO_LONG, f"a request line may have at most {REQUEST_LINE_BYTES_MAX} bytes"
        return problems.HEADERS_TOO_LARGE, f"a header field may have at most {HEADER_FIELD_BYTES_MAX} bytes"
    return problems.BAD_REQUEST, "the request is not well-formed HTTP"
