"""The access log: one line per answer, where FARMLOKAL_ACCESS_LOG is on."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from farmlokal.telemetry import get_logger
from farmlokal.telemetry.short_hash import short_hash
from farmlokal.web.edge.clients import ClientResolver
from farmlokal.web.edge.request_counts import METHODS, OTHER

_log = get_logger("farmlokal.access")

# The cache key and the outcome of the look-up that a request was answered from; set by its handler.
ANSWERED_FROM: web.RequestKey[tuple[str, str]] = web.RequestKey("ANSWERED_FROM", tuple)

_NO_BODY = frozenset({204, 304})


class AccessLog:
    """Writes a line for each answer. clients: finds a request's address, behind proxies too."""

    def __init__(self, clients: ClientResolver) -> None:
        self._clients = clients

    def __repr__(self) -> str:
        return f"<AccessLog {self._clients!r}>"

    def write(
        self,
        *,
        method: str,
        route: str,
        status: int,
        seconds: float,
        request_id: str,
        bytes_sent: int | None,
        client: str | None,
        key: str | None = None,
        outcome: str | None = None,
    ) -> None:
        """Write the line of one answer. Needs no request: what answers below the handlers has none.

        route: its template. bytes_sent: of the body; None where nobody knows yet. key: the cache key that it was
        answered from; only its hash is written. outcome: of that look-up.
        """
        fields: dict[str, Any] = {
            # Closed sets both: a method that nobody knows, or a path, may be anything, a key included.
            "method": method if method in METHODS else OTHER,
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "bytes": bytes_sent,
            "client": client,
            "request_id": request_id,
        }
        if key is not None:
            fields["key"] = short_hash(key)
            fields["cache"] = outcome
        _log.info("answered", **fields)

    def client(self, peername: object, forwarded_for: Sequence[str]) -> str:
        """The client at the address that a request came from, as the rate limit counts addresses."""
        return self._clients.client(peername, forwarded_for, None)

    def write_of(self, request: web.BaseRequest, response: web.StreamResponse, route: str, seconds: float) -> None:
        """Write the line of a handler's answer; a listener of RequestCounts."""
        key, outcome = request.get(ANSWERED_FROM, (None, None))
        # What the parser refused has no headers, and a plain dictionary in their place.
        headers = request.headers
        forwarded_for = headers.getall("X-Forwarded-For", ()) if isinstance(headers, MultiMapping) else ()
        self.write(
            method=request.method,
            route=route,
            status=response.status,
            seconds=seconds,
            request_id=response.headers.get("X-Request-ID", ""),
            bytes_sent=_body_bytes(request, response),
            client=self.client(request.get_extra_info("peername"), forwarded_for),
            key=key,
            outcome=outcome,
        )


def _body_bytes(request: web.BaseRequest, response: web.StreamResponse) -> int | None:
    if request.method == "HEAD" or response.status in _NO_BODY:
        return 0
    return response.content_length
