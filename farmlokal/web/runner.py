"""Runs an application on our connection handlers, with our limits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from farmlokal.telemetry import get_logger
from farmlokal.web import keys
from farmlokal.web.answers.error_problems import http_problem
from farmlokal.web.edge.common_headers import new_request_id
from farmlokal.web.edge.connection import (
    HEADER_FIELD_BYTES_MAX,
    HEADERS_MAX,
    IDLE_MAX_S,
    REQUEST_LINE_BYTES_MAX,
    ProblemRequestHandler,
)
from farmlokal.web.edge.request_counts import observed
from farmlokal.web.edge.trace_context import traced
from farmlokal.web.hot.assumptions import unmet_assumption
from farmlokal.web.hot.connection import HotRequestHandler
from farmlokal.web.hot.outbox import Outbox
from farmlokal.web.hot.path import HotPath

_log = get_logger(__name__)

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ServiceRunner(web.AppRunner):
    """Runs an application. hot_path: whether pages of the listing are answered below the handlers."""

    def __init__(self, app: web.Application, *, hot_path: bool, **kwargs: Any) -> None:
        super().__init__(
            app,
            max_line_size=REQUEST_LINE_BYTES_MAX,
            max_field_size=HEADER_FIELD_BYTES_MAX,
            max_headers=HEADERS_MAX,
            keepalive_timeout=IDLE_MAX_S,
            access_log=None,
            # A signature is over the bytes that were sent, and nobody's small body unfolds into a large one.
            auto_decompress=False,
            **kwargs,
        )
        self._hot_path = hot_path

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        hot = None
        if self._hot_path:
            loop = asyncio.get_running_loop()
            unmet = unmet_assumption(loop, server)
            if unmet is None:
                hot = HotPath(self.app, Outbox(loop))
            else:
                _log.warning("hot path off: another aiohttp than it was made for", reason=unmet)
        return _Server(server, self.app, hot)


class _Server(web.Server):
    """A copy of `server` that makes our connection handlers."""

    def __init__(self, server: web.Server, app: web.Application, hot: HotPath | None) -> None:
        super().__init__(
            traced(observed(_refusals_as_problems(server.request_handler, app), app[keys.OBSERVER])),
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=server._loop,
            **server._kwargs,
        )
        self._edge = app[keys.EDGE]
        self._observer = app[keys.OBSERVER]
        self._hot = hot

    def __call__(self) -> RequestHandler:
        if self._hot is None:
            return ProblemRequestHandler(
                self, loop=self._loop, edge=self._edge, observer=self._observer, **self._kwargs
            )
        return HotRequestHandler(
            self, loop=self._loop, edge=self._edge, observer=self._observer, hot=self._hot, **self._kwargs
        )


def _refusals_as_problems(handler: _Handler, app: web.Application) -> _Handler:
    """`handler` with problem details for what aiohttp refuses before any middleware: an unknown `Expect`."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            request_id = new_request_id()
            response = http_problem(error, request_id)
            app[keys.EDGE].finish(response.headers, request_id, allowed_origin=None)
            return response

    return handle
