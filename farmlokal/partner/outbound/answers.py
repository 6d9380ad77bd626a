"""What an attempt at the partner can come to: an answer of use, or a failure that knows what may follow it."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientResponse

from farmlokal.errors import Upstream
from farmlokal.partner.outbound.retry_after import retry_after_s

# Said to be passing by the protocol itself; 500 and 501 are not.
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
# The upstream is there and asks for patience: our caller is told the same.
_COME_BACK_STATUSES = frozenset({429, 503})
# Of a content type, in an error.
_KIND_CHARS_MAX = 100


class AttemptFailed(Exception):
    """One attempt came to nothing.

    retriable: another attempt may do better. unavailable: the partner did not answer, or asked to come back later.
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
    """A failure that tells of the partner's health, and not of this one request: the breaker counts it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its status, its body as JSON (None when empty), its story. Never shows what it holds."""

    status: int
    content: Any = field(repr=False)
    upstream: Upstream = field(default=Upstream(""), repr=False)


def answer_of(response: ClientResponse, body: bytes) -> Answer | AttemptFailed:
    """The answer that `response` with `body` is, for a status of use; a failure for what is not said to be JSON.

    A refusal is one whatever its body, which counts only where it is JSON. Raises Broken for JSON that breaks off.
    """
    if response.status >= 400:
        return Answer(response.status, _json_or_none(body))
    if not body:
        return Answer(response.status, None)
    kind = response.content_type
    if kind != "application/json" and not kind.endswith("+json"):
        return AttemptFailed(f"answered with {kind[:_KIND_CHARS_MAX]} where JSON is due", status=response.status)
    try:
        return Answer(response.status, orjson.loads(body))
    except orjson.JSONDecodeError:
        raise Broken("answered with JSON that breaks off or is none", status=response.status, retriable=True) from None


def _json_or_none(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def failure_of(response: ClientResponse) -> AttemptFailed:
    """The failure that a status of no use is."""
    status = response.status
    if 300 <= status < 400:
        # Not followed: whoever it leads to must not see the credentials that this request carries.
        return AttemptFailed(f"redirects ({status}), which is not followed", status=status)
    kind = Broken if status >= 500 else AttemptFailed
    return kind(
        f"answered {status}",
        status=status,
        wait_s=retry_after_s(response.headers.get("Retry-After")),
        retriable=status in RETRIED_STATUSES,
        unavailable=status in _COME_BACK_STATUSES,
    )
