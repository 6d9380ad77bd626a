"""Problem details (RFC 9457): the types that we send, and how each looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired

import orjson
from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.errors import Fault, Upstream
from farmlokal.telemetry.masking import masked

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem. `name` is the last part of its `type` URI, `meaning` explains it to people.

    members: what its details always hold besides the standard's own members.
    """

    name: str
    status: int
    title: str
    meaning: str
    members: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """The relative URI that identifies the type."""
        return f"/problems/{self.name}"


# The statuses of what stands in the place of an answer that caches may have a copy of.
ORIGIN_FAILED = frozenset({500, 502, 503, 504})

# Of a response: the problem that it is.
KIND = web.ResponseKey("KIND", ProblemType)

INVALID_PARAMETER = ProblemType(
    "invalid-parameter",
    400,
    "Invalid parameter",
    "One or more parameters are wrong; `errors` lists each of them.",
    members=("errors",),
)
BAD_REQUEST = ProblemType("bad-request", 400, "Bad request", "The request is not well-formed HTTP.")
UNAUTHENTICATED = ProblemType(
    "unauthenticated", 401, "API key needed", "This route needs an API key: as a bearer token, or in `X-API-Key`."
)
ACCESS_DENIED = ProblemType(
    "access-denied", 403, "Access denied", "The route is closed: the operator has configured no API key for it."
)
NOT_FOUND = ProblemType("not-found", 404, "Not found", "There is nothing at this address; `/docs` lists what there is.")
POSITION_GONE = ProblemType(
    "position-gone",
    410,
    "Position gone",
    "The log of changes does not have what follows `after`: it is no longer kept, or it is of another catalogue. Empty"
    " the mirror, and start over without `after`.",
)
SIGNATURE_REFUSED = ProblemType(
    "signature-refused",
    401,
    "Signature refused",
    "The delivery has no Standard Webhooks signature by a secret that is configured here.",
)
EVENT_CONFLICT = ProblemType(
    "event-conflict",
    409,
    "Event conflict",
    "An event with this id and another body came before; that one stays in force.",
)
EVENT_DEAD = ProblemType(
    "event-dead",
    422,
    "Event without effect",
    "The signature is right, but the event can have no effect now: `detail` says why. It is kept.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "Method not allowed",
    "The address does not take this method; `Allow` lists those that it takes.",
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable", 406, "Not acceptable", "`Accept-Encoding` excludes all of gzip, br, zstd and identity."
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout", 408, "Request timeout", "The request did not arrive completely in time."
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed", 412, "Precondition failed", "`If-Match` does not name the current entity-tag."
)
CONTENT_TOO_LARGE = ProblemType("content-too-large", 413, "Content too large", "The request's body is too long.")
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type", 415, "Unsupported media type", "The body has a content coding, which is not taken here."
)
URI_TOO_LONG = ProblemType("uri-too-long", 414, "URI too long", "The request line is too long.")
HEADERS_TOO_LARGE = ProblemType(
    "headers-too-large", 431, "Request header fields too large", "A header field of the request is too long."
)
RATE_LIMITED = ProblemType(
    "rate-limited", 429, "Too many requests", "The client has used up its quota; try again after `Retry-After`."
)
REFUSED = ProblemType("refused", 417, "Request refused", "`Expect` has another value than `100-continue`.")
VERSION_NOT_SUPPORTED = ProblemType(
    "version-not-supported",
    505,
    "HTTP version not supported",
    "The request names a version of HTTP other than 1.0 and 1.1.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "Internal error",
    "An unexpected error in the service. Its log has the details under the request id in `instance`.",
)
PARTNER_FAILED = ProblemType(
    "partner-failed",
    502,
    "The partner failed",
    "The partner's answer could not be used; `upstream` has its address, status and the number of attempts.",
    members=("upstream",),
)
PARTNER_UNAVAILABLE = ProblemType(
    "partner-unavailable",
    503,
    "The partner is unavailable",
    "The partner did not answer in time, or is not called for now after many failures; try again after `Retry-After`.",
    members=("upstream",),
)
UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    "Temporarily unavailable",
    "The database or another dependency cannot answer now; try again after `Retry-After`.",
)
STATEMENT_TIMEOUT = ProblemType(
    "statement-timeout",
    503,
    "Query took too long",
    "The database query took longer than allowed; narrower filters may help.",
)
NOT_CONFIGURED = ProblemType(
    "not-configured", 503, "Not configured", "A setting that this route needs is missing; `detail` names it."
)
SYNC_FAILED = ProblemType(
    "sync-failed", 502, "Sync failed", "The sync with the partner failed; the run at `Location` says why."
)

PROBLEM_TYPES = {
    problem.name: problem
    for problem in (
        INVALID_PARAMETER,
        BAD_REQUEST,
        UNAUTHENTICATED,
        ACCESS_DENIED,
        NOT_FOUND,
        POSITION_GONE,
        SIGNATURE_REFUSED,
        EVENT_CONFLICT,
        EVENT_DEAD,
        METHOD_NOT_ALLOWED,
        NOT_ACCEPTABLE,
        REQUEST_TIMEOUT,
        PRECONDITION_FAILED,
        CONTENT_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        URI_TOO_LONG,
        HEADERS_TOO_LARGE,
        RATE_LIMITED,
        REFUSED,
        INTERNAL_ERROR,
        PARTNER_FAILED,
        PARTNER_UNAVAILABLE,
        SYNC_FAILED,
        UNAVAILABLE,
        STATEMENT_TIMEOUT,
        NOT_CONFIGURED,
        VERSION_NOT_SUPPORTED,
    )
}


class ProblemDetails(TypedDict):
    """What every problem tells (RFC 9457)."""

    type: Annotated[str, Field(description="a relative URI, whose page explains the type")]
    title: str
    status: int
    detail: Annotated[str, Field(description="what is wrong this time")]
    instance: Annotated[str, Field(description="the request's id, as in `X-Request-ID`")]


class _Content(ProblemDetails):
    """With what some types tell more: see their `members`."""

    errors: NotRequired[list[dict[str, Any]]]
    upstream: NotRequired[dict[str, Any]]


def problem_response(
    problem: ProblemType,
    detail: str,
    *,
    instance: str,
    faults: Sequence[Fault] = (),
    upstream: Upstream | None = None,
    headers: Mapping[str, str] | None = None,
    status: int | None = None,
) -> web.Response:
    """The response for one problem. instance: the request id. status: another than the type's own."""
    content: _Content = {
        "type": problem.uri,
        "title": problem.title,
        "status": status or problem.status,
        # A client may have pasted one of our secrets where a parameter belongs; it is not told back.
        "detail": masked(detail),
        "instance": instance,
    }
    if faults:
        content["errors"] = [{name: masked(text) for name, text in fault._asdict().items()} for fault in faults]
    if upstream is not None:
        content["upstream"] = upstream._asdict()
    response = web.Response(
        body=orjson.dumps(content),
        status=status or problem.status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type=CONTENT_TYPE,
    )
    response[KIND] = problem
    return response


def link_to_type(problem: ProblemType, path: str) -> str:
    """The `Link` to the page of the problem's type, relative to the address with `path` that was asked.

    `type` itself is the same for every address, as clients compare it; a browser behind a proxy that takes a prefix
    away does not find its page by it.
    """
    up = "../" * (path.count("/") - 1)
    return f'<{up or "./"}{problem.uri.removeprefix("/")}>; rel="type"'
