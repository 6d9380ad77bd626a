"""Runs an application on our connection handlers, with our limits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from farmlokal.telemetry import get_logger
from farmlokal.web import keys
from farmlokal.web.answers.error_problems import http_problem
from farmlokal.web.edge.aiohttp_adapter import ConnectionRunner, ConnectionServer
from farmlokal.web.edge.caller import new_request_id
from farmlokal.web.edge.connection import (
    HEADER_FIELD_BYTES_MAX,
    HEADERS_MAX,
    IDLE_MAX_S,
    REQUEST_LINE_BYTES_MAX,
    ProblemConnection,
)
from farmlokal.web.edge.request_counts import counted
from farmlokal.web.edge.trace_context import traced
from farmlokal.web.hot.assumptions import unmet_assumption
from farmlokal.web.hot.look_up import LookUpConnection, LookUpTurns
from farmlokal.web.hot.outbox import Outbox
from farmlokal.web.hot.path import HotPath

_log = get_logger(__name__)

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ServiceRunner(ConnectionRunner):
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

    async def setup(self) -> None:
        """Start the application. What had started before a fault is ended in good order, as at a stop."""
        try:
            await super().setup()
        except BaseException:
            await self.cleanup()
            raise

    def server_like(self, server: web.Server) -> web.Server:
        """A server with our connections, and with the hot path where this aiohttp allows it."""
        hot = None
        if self._hot_path:
            loop = asyncio.get_running_loop()
            unmet = unmet_assumption(loop, server)
            if unmet is None:
                hot = HotPath(self.app, Outbox(loop))
            else:
                _log.warning("hot path off: another aiohttp than it was made for", reason=unmet)
        return _Server(server, self.app, hot)


class _Server(ConnectionServer):
    """A copy of `server` that makes our connections. hot: the hot path; None without one."""

    def __init__(self, server: web.Server, app: web.Application, hot: HotPath | None) -> None:
        counts = app[keys.REQUEST_COUNTS]
        super().__init__(server, traced(counted(_refusals_as_problems(server.request_handler, app), counts)))
        self.hot = hot
        self._turns = LookUpTurns(asyncio.get_running_loop())
        self._ours: dict[str, Any] = {
            "common_headers": app[keys.COMMON_HEADERS],
            "counts": counts,
            "cacheable": app[keys.CACHEABLE],
        }

    def __call__(self) -> RequestHandler:
        if self.hot is None:
            return ProblemConnection(self, **self._ours, **self.connection_settings)
        return LookUpConnection(self, hot=self.hot, turns=self._turns, **self._ours, **self.connection_settings)


def _refusals_as_problems(handler: _Handler, app: web.Application) -> _Handler:
    """`handler` with problem details for what aiohttp refuses before any middleware: an unknown `Expect`."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            request_id = new_request_id()
            response = http_problem(error, request_id)
            app[keys.COMMON_HEADERS].add_to(response.headers, request_id, allowed_origin=None)
            return response

    return handle
