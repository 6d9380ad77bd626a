"""Which problem stands for which error: the one place where errors become answers."""

from aiohttp import web

from farmlokal.errors import (
    AccessDenied,
    FarmLokalError,
    InvalidInput,
    NotConfigured,
    NotFound,
    PartnerError,
    PartnerUnavailable,
    PositionGone,
    RateLimited,
    StatementTimeout,
    Unauthenticated,
    Unavailable,
)
from farmlokal.web.answers import problems
from farmlokal.web.answers.problems import ProblemType

# The more special error before the one that it is a kind of.
_KINDS: tuple[tuple[type[FarmLokalError], ProblemType], ...] = (
    (InvalidInput, problems.INVALID_PARAMETER),
    (NotFound, problems.NOT_FOUND),
    (PositionGone, problems.POSITION_GONE),
    (AccessDenied, problems.ACCESS_DENIED),
    (Unauthenticated, problems.UNAUTHENTICATED),
    (RateLimited, problems.RATE_LIMITED),
    (PartnerUnavailable, problems.PARTNER_UNAVAILABLE),
    (PartnerError, problems.PARTNER_FAILED),
    (NotConfigured, problems.NOT_CONFIGURED),
    (StatementTimeout, problems.STATEMENT_TIMEOUT),
    (Unavailable, problems.UNAVAILABLE),
)
_BY_STATUS = {
    400: (problems.BAD_REQUEST, "the request is not well-formed HTTP"),
    404: (problems.NOT_FOUND, "there is nothing at this address; /docs shows what there is"),
    405: (problems.METHOD_NOT_ALLOWED, "this address does not take this method"),
    406: (problems.NOT_ACCEPTABLE, "Accept-Encoding must leave identity, gzip, br or zstd"),
    408: (problems.REQUEST_TIMEOUT, "the request's body did not arrive in time"),
    412: (problems.PRECONDITION_FAILED, "If-Match names another entity-tag than the one that there is"),
    413: (problems.CONTENT_TOO_LARGE, "the request's body is too long"),
}
# In the sentence for people; `errors` lists all.
_FAULTS_SHOWN = 5


def error_problem(error: FarmLokalError, request_id: str) -> web.Response | None:
    """The problem that stands for an error of ours; None for one that no caller is to hear of."""
    kind = next((kind for one, kind in _KINDS if isinstance(error, one)), None)
    if kind is None:
        return None
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RateLimited | PartnerUnavailable | Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    return problems.problem_response(
        kind,
        _sentence(error) if isinstance(error, InvalidInput) else str(error),
        instance=request_id,
        faults=error.faults if isinstance(error, InvalidInput) else (),
        upstream=error.upstream if isinstance(error, PartnerError) else None,
        headers=headers,
    )


def http_problem(error: web.HTTPException, request_id: str) -> web.Response:
    """The problem that stands for one of aiohttp's own errors."""
    kind, detail = _BY_STATUS.get(error.status, (problems.REFUSED, error.reason))
    kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Location", "Retry-After")}
    response = problems.problem_response(kind, detail, instance=request_id, headers=kept, status=error.status)
    if kind is problems.CONTENT_TOO_LARGE:
        # The body is not waited for, and the next request would stand behind it.
        response.force_close()
    return response


def _sentence(error: InvalidInput) -> str:
    shown = "; ".join(f"{fault.parameter} {fault.detail}" for fault in error.faults[:_FAULTS_SHOWN])
    more = len(error.faults) - _FAULTS_SHOWN
    return f"{shown}; and {more} more, all in errors" if more > 0 else shown
