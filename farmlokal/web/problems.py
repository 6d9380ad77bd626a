"""Problem details (RFC 9457): the types that we send, and how each looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from farmlokal.errors import Fault, Upstream

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem. `name` is the last part of its `type` URI, `meaning` explains it to people."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        """The relative URI that identifies the type."""
        return f"/problems/{self.name}"


INVALID_PARAMETER = ProblemType(
    "invalid-parameter", 400, "Invalid parameter", "One or more parameters are wrong; `errors` lists each of them."
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
    "The event is authentic and can have no effect; it is kept, see `detail`.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", 405, "Method not allowed", "The address exists, the method does not apply; see `Allow`."
)
CONTENT_TOO_LARGE = ProblemType("content-too-large", 413, "Content too large", "The request's body is too long.")
URI_TOO_LONG = ProblemType("uri-too-long", 414, "URI too long", "The request line is too long.")
HEADERS_TOO_LARGE = ProblemType(
    "headers-too-large", 431, "Request header fields too large", "A header field of the request is too long."
)
REFUSED = ProblemType("refused", 400, "Request refused", "The request cannot be answered as it stands.")
INTERNAL_ERROR = ProblemType(
    "internal-error", 500, "Internal error", "A fault of ours. The log has it under the request id in `instance`."
)
PARTNER_FAILED = ProblemType(
    "partner-failed", 502, "The partner failed", "The partner's answer is of no use; `upstream` tells what is known."
)
PARTNER_UNAVAILABLE = ProblemType(
    "partner-unavailable",
    503,
    "The partner is unavailable",
    "The partner did not answer in time, or is left alone for now; come back after `Retry-After`.",
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
        CONTENT_TOO_LARGE,
        URI_TOO_LONG,
        HEADERS_TOO_LARGE,
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
    content: dict[str, Any] = {
        "type": problem.uri,
        "title": problem.title,
        "status": status or problem.status,
        "detail": detail,
        "instance": instance,
    }
    if faults:
        content["errors"] = [fault._asdict() for fault in faults]
    if upstream is not None:
        content["upstream"] = upstream._asdict()
    return web.Response(
        body=orjson.dumps(content),
        status=status or problem.status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type=CONTENT_TYPE,
    )
