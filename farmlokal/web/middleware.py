"""What every request passes: a request id, and the one place where errors become problem details."""

import re
import secrets

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.errors import (
    AccessDenied,
    InvalidInput,
    NotConfigured,
    NotFound,
    PartnerError,
    PartnerUnavailable,
    StatementTimeout,
    Unauthenticated,
    Unavailable,
)
from farmlokal.telemetry import get_logger
from farmlokal.web import keys, problems
from farmlokal.web.health import Phase

_log = get_logger(__name__)

REQUEST_ID = web.RequestKey("REQUEST_ID", str)
# In the sentence for people; `errors` lists all.
_FAULTS_TOLD = 5
_OURS_TO_KEEP = re.compile(r"[\w.-]{1,64}", re.ASCII)
_BY_STATUS = {
    404: (problems.NOT_FOUND, "there is nothing at this address"),
    405: (problems.METHOD_NOT_ALLOWED, "this address does not take this method"),
    413: (problems.CONTENT_TOO_LARGE, "the request's body is too long"),
}


def new_request_id() -> str:
    """A fresh request id."""
    return secrets.token_hex(8)


@web.middleware
async def request_id_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep the caller's `X-Request-ID` where it is harmless, make one elsewhere, and send it back."""
    offered = request.headers.get("X-Request-ID", "")
    request_id = offered if _OURS_TO_KEEP.fullmatch(offered) else new_request_id()
    request[REQUEST_ID] = request_id
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = await handler(request)
    response.headers["X-Request-ID"] = request_id
    if request.app[keys.HEALTH].phase is Phase.DRAINING:
        # The connection would be cut soon: better that the client opens its next one elsewhere.
        response.force_close()
    return response


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into its problem. Nothing of an unexpected one but its request id reaches the client."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return http_problem(error, request[REQUEST_ID])
    except InvalidInput as error:
        detail = "; ".join(f"{fault.parameter} {fault.detail}" for fault in error.faults[:_FAULTS_TOLD])
        if len(error.faults) > _FAULTS_TOLD:
            detail += f"; and {len(error.faults) - _FAULTS_TOLD} more, all in errors"
        return problems.problem_response(
            problems.INVALID_PARAMETER, detail, instance=request[REQUEST_ID], faults=error.faults
        )
    except NotFound as error:
        return problems.problem_response(problems.NOT_FOUND, str(error), instance=request[REQUEST_ID])
    except (AccessDenied, Unauthenticated) as error:
        return _refusal(error, request[REQUEST_ID])
    except PartnerError as error:
        return _partner_problem(error, request[REQUEST_ID])
    except NotConfigured as error:
        return problems.problem_response(problems.NOT_CONFIGURED, str(error), instance=request[REQUEST_ID])
    except Unavailable as error:
        kind = problems.STATEMENT_TIMEOUT if isinstance(error, StatementTimeout) else problems.UNAVAILABLE
        return problems.problem_response(
            kind, str(error), instance=request[REQUEST_ID], headers={"Retry-After": str(error.retry_after_s)}
        )
    except Exception:
        _log.exception("request failed", method=request.method, route=_route(request))
        return problems.problem_response(
            problems.INTERNAL_ERROR, "an unexpected error; the log has it", instance=request[REQUEST_ID]
        )


def _refusal(error: AccessDenied | Unauthenticated, request_id: str) -> web.Response:
    if isinstance(error, AccessDenied):
        return problems.problem_response(problems.ACCESS_DENIED, str(error), instance=request_id)
    return problems.problem_response(
        problems.UNAUTHENTICATED, str(error), instance=request_id, headers={"WWW-Authenticate": "Bearer"}
    )


def _partner_problem(error: PartnerError, request_id: str) -> web.Response:
    if isinstance(error, PartnerUnavailable):
        kind, headers = problems.PARTNER_UNAVAILABLE, {"Retry-After": str(error.retry_after_s)}
    else:
        kind, headers = problems.PARTNER_FAILED, {}
    return problems.problem_response(kind, str(error), instance=request_id, upstream=error.upstream, headers=headers)


def http_problem(error: web.HTTPException, request_id: str) -> web.StreamResponse:
    """The problem that stands for one of aiohttp's own errors."""
    kind, detail = _BY_STATUS.get(error.status, (problems.REFUSED, error.reason))
    kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Location", "Retry-After")}
    return problems.problem_response(kind, detail, instance=request_id, headers=kept, status=error.status)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unmatched"
