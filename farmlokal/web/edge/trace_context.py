"""A request's place in a trace: the caller's, by its `traceparent`, and the span that the request itself is."""

import structlog
from aiohttp import web

from farmlokal.telemetry import tracing
from farmlokal.telemetry.masking import masked
from farmlokal.telemetry.short_hash import short_hash
from farmlokal.telemetry.span import Attributes, Kind, Span
from farmlokal.telemetry.traceparent import incoming
from farmlokal.web.edge.access_log import ANSWERED_FROM
from farmlokal.web.edge.caller import trace_of
from farmlokal.web.edge.request_counts import METHODS, UNMATCHED, RequestHandler, route_of

# The semantic conventions' word for a method that nobody knows.
_OTHER_METHOD = "_OTHER"
# Asked every few seconds by machines, and of no interest to anybody who looks at traces.
_UNTRACED = frozenset({"/livez", "/readyz", "/metrics"})


def traced(handler: RequestHandler) -> RequestHandler:
    """`handler`, its log lines and outbound calls in the caller's trace where there is one, and in a span of its own.

    aiohttp handles each request in a task of its own, so that nothing bound here outlives it.
    """

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        caller = trace_of(request.headers)
        if caller is not None:
            incoming.set(caller)
            structlog.contextvars.bind_contextvars(trace_id=caller.trace_id)
        if not tracing.active or request.path in _UNTRACED:
            return await handler(request)
        with tracing.span(_method(request), Kind.SERVER, _asked(request), parent=caller) as span:
            structlog.contextvars.bind_contextvars(trace_id=span.trace_id)
            response = await handler(request)
            _describe(span, request, response)
            return response

    return handle


def _method(request: web.BaseRequest) -> str:
    return request.method if request.method in METHODS else _OTHER_METHOD


def _asked(request: web.BaseRequest) -> Attributes:
    # Without the query: what clients filter by is theirs. A path may hold a key that somebody pasted there.
    return {
        "http.request.method": _method(request),
        "url.path": masked(request.path),
        "url.scheme": request.scheme,
    }


def _describe(span: Span, request: web.BaseRequest, response: web.StreamResponse) -> None:
    route = route_of(request)
    if route != UNMATCHED:
        span.rename(f"{_method(request)} {route}")
        span.set("http.route", route)
    span.set("http.response.status_code", response.status)
    span.set("farmlokal.request_id", response.headers.get("X-Request-ID", ""))
    if response.status >= 500:
        span.fail(str(response.status))
    answered_from = request.get(ANSWERED_FROM)
    if answered_from is not None:
        key, outcome = answered_from
        span.set("farmlokal.cache.key", short_hash(key))
        span.set("farmlokal.cache.outcome", outcome)
