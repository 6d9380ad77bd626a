"""The result of an attempt at the partner: a response, or a failure that knows what may follow it."""

import json
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientResponse

from farmlokal.errors import Upstream
from farmlokal.formats.text import surrogate_refusal
from farmlokal.partner.outbound.retry_after import retry_after_s

# Temporary by the protocol's own definition; 500 and 501 are not.
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
# The upstream is there and asks for patience: our caller is told the same.
_COME_BACK_STATUSES = frozenset({429, 503})
# Of a content type, in an error.
_KIND_CHARS_MAX = 100


class AttemptFailed(Exception):
    """One attempt failed.

    wait_s: the seconds that the partner asked to wait. retriable: another attempt may succeed. unavailable: the partner
    did not answer, or asked to come back later.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        wait_s: float | None = None,
        retriable: bool = False,
        unavailable: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.wait_s = wait_s
        self.retriable = retriable
        self.unavailable = unavailable


class Broken(AttemptFailed):
    """A failure of the partner, and not of this one request: the breaker counts it."""


@dataclass(frozen=True, slots=True)
class PartnerResponse:
    """A whole response: status, content (the body's JSON; None when empty), and story. Its repr shows no content."""

    status: int
    content: Any = field(repr=False)
    upstream: Upstream = field(default=Upstream(""), repr=False)


def partner_response(response: ClientResponse, body: bytes) -> PartnerResponse | AttemptFailed:
    """Returns the response with its content; a failure where a success has another content type than JSON.

    response: with a status that its caller handles. The body of a refusal counts only where it is JSON. Raises Broken
    for JSON that breaks off.
    """
    if response.status >= 400:
        return PartnerResponse(response.status, _json_or_none(body))
    if not body:
        return PartnerResponse(response.status, None)
    kind = response.content_type
    if kind != "application/json" and not kind.endswith("+json"):
        return AttemptFailed(f"answered with {kind[:_KIND_CHARS_MAX]} where JSON is due", status=response.status)
    try:
        return PartnerResponse(response.status, _json(body))
    except ValueError:
        raise Broken("answered with JSON that breaks off or is none", status=response.status, retriable=True) from None


def _json(body: bytes) -> Any:
    """The JSON in `body`. Raises ValueError.

    A string with a lone surrogate is passed on, which orjson refuses: one such row must not cost a feed's whole page.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode()
        if surrogate_refusal(text) is None:
            raise
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _json_or_none(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def status_failure(response: ClientResponse) -> AttemptFailed:
    """Returns the failure for a status that the caller does not handle."""
    status = response.status
    if 300 <= status < 400:
        # Not followed: another server must not see the credentials that this request carries.
        return AttemptFailed(f"redirects ({status}), which is not followed", status=status)
    kind = Broken if status >= 500 else AttemptFailed
    return kind(
        f"answered {status}",
        status=status,
        wait_s=retry_after_s(response.headers.get("Retry-After")),
        retriable=status in RETRIED_STATUSES,
        unavailable=status in _COME_BACK_STATUSES,
    )
