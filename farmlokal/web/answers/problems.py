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


INVALID_PARAMETER = ProblemType(
    "invalid-parameter",
    400,
    "Invalid parameter",
    "One or more parameters are wrong; `errors` lists each of them.",
    members=("errors",),
)
BAD_REQUEST = ProblemType("bad-request", 400, "Bad request", "What arrived is not well-formed HTTP.")
UNAUTHENTICATED = ProblemType(
    "unauthenticated", 401, "API key needed", "This route wants an API key: as a bearer token, or in `X-API-Key`."
)
ACCESS_DENIED = ProblemType(
    "access-denied", 403, "Access denied", "Nobody may use this route as the service is configured."
)
NOT_FOUND = ProblemType("not-found", 404, "Not found", "There is nothing at this address, or no longer.")
SIGNATURE_REFUSED = ProblemType(
    "signature-refused", 401, "Signature refused", "The delivery has no valid Standard Webhooks signature of ours."
)
EVENT_CONFLICT = ProblemType(
    "event-conflict", 409, "Event conflict", "The event's id came before with another body; the first one stands."
)
EVENT_DEAD = ProblemType(
    "event-dead",
    422,
    "Event without effect",
    "The event is authentic and can have no effect now; it is kept, see `detail`.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", 405, "Method not allowed", "The address exists, the method does not apply; see `Allow`."
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable", 406, "Not acceptable", "`Accept-Encoding` excludes every form in which there is an answer."
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout", 408, "Request timeout", "The request did not arrive as a whole in the time that there is for it."
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed", 412, "Precondition failed", "`If-Match` names none of the entity-tags that there are."
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
    "rate-limited", 429, "Too many requests", "The client has used up its quota; come back after `Retry-After`."
)
REFUSED = ProblemType("refused", 417, "Request refused", "What the request expects (`Expect`) is not done here.")
INTERNAL_ERROR = ProblemType(
    "internal-error", 500, "Internal error", "A fault of ours. The log has it under the request id in `instance`."
)
PARTNER_FAILED = ProblemType(
    "partner-failed",
    502,
    "The partner failed",
    "The partner's answer is of no use; `upstream` tells what is known.",
    members=("upstream",),
)
PARTNER_UNAVAILABLE = ProblemType(
    "partner-unavailable",
    503,
    "The partner is unavailable",
    "The partner did not answer in time, or is left alone for now; come back after `Retry-After`.",
    members=("upstream",),
)
UNAVAILABLE = ProblemType(
    "unavailable", 503, "Temporarily unavailable", "A dependency cannot answer now; come back after `Retry-After`."
)
STATEMENT_TIMEOUT = ProblemType(
    "statement-timeout", 503, "Query took too long", "The query ran into its time limit; narrower filters may help."
)
NOT_CONFIGURED = ProblemType(
    "not-configured", 503, "Not configured", "The operator has not set what this route needs; `detail` names it."
)
SYNC_FAILED = ProblemType(
    "sync-failed", 502, "Sync failed", "The sync with the partner came to nothing; the run at `Location` says why."
)

PROBLEM_TYPES = {
    problem.name: problem
    for problem in (
        INVALID_PARAMETER,
        BAD_REQUEST,
        UNAUTHENTICATED,
        ACCESS_DENIED,
        NOT_FOUND,
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
    )
}


class ProblemDetails(TypedDict):
    """What every problem tells (RFC 9457). Some types tell more."""

    type: Annotated[str, Field(description="a relative URI, whose page explains the type")]
    title: str
    status: int
    detail: Annotated[str, Field(description="what is wrong this time")]
    instance: Annotated[str, Field(description="the request's id, as in `X-Request-ID`")]
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
    content: ProblemDetails = {
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
    return web.Response(
        body=orjson.dumps(content),
        status=status or problem.status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type=CONTENT_TYPE,
    )
