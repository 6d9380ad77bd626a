"""What every request passes: a request id, and the one place where errors become problem details."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.errors import FarmLokalError
from farmlokal.telemetry import get_logger
from farmlokal.web import keys
from farmlokal.web.answers import problems
from farmlokal.web.answers.error_problems import error_problem, http_problem
from farmlokal.web.edge.caller import request_id_from
from farmlokal.web.edge.kept_copies import spare_copies
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.edge.rate_limit import RATE_LIMIT_HEADERS
from farmlokal.web.edge.request_counts import route_of

_log = get_logger(__name__)

REQUEST_ID = web.RequestKey("REQUEST_ID", str)


@web.middleware
async def edge_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, and every answer what it carries besides its content."""
    request_id = request_id_from(request.headers.get("X-Request-ID"))
    request[REQUEST_ID] = request_id
    common_headers = request.app[keys.COMMON_HEADERS]
    # Not unbound again: every request is handled in a task, and so in a context, of its own.
    structlog.contextvars.bind_contextvars(request_id=request_id)
    response = await handler(request)
    spare_copies(request, response, request.app[keys.CACHEABLE])
    common_headers.add_to(
        response.headers,
        request_id,
        allowed_origin=common_headers.cross_origin.allowed(request.headers.get("Origin")),
        limits=request.get(RATE_LIMIT_HEADERS, ()),
    )
    kind = response.get(problems.KIND)
    if kind is not None:
        response.headers["Link"] = problems.link_to_type(kind, request.rel_url.raw_path)
    if request.app[keys.HEALTH].phase is Phase.DRAINING:
        # The connection would be cut soon: better that the client opens its next one elsewhere.
        response.force_close()
    return response


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into its problem. Nothing of an unexpected one but its request id reaches the client."""
    request_id = request[REQUEST_ID]
    try:
        return await handler(request)
    except web.HTTPException as error:
        return http_problem(error, request_id)
    except Exception as error:
        problem = error_problem(error, request_id) if isinstance(error, FarmLokalError) else None
        if problem is not None:
            return problem
        _log.exception("request failed", method=request.method, route=route_of(request))
        return problems.problem_response(
            problems.INTERNAL_ERROR, "an unexpected error; the log has it", instance=request_id
        )
