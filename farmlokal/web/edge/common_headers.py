"""What every answer carries, whichever path it comes from: security headers, CORS, the request id, the limits."""

from collections.abc import Iterable
from dataclasses import dataclass

from multidict import CIMultiDict

from farmlokal.web.edge.cors import CrossOrigin

SERVER = "farmlokal"
# OWASP's advice for an API: answers are data, never a page, and not to be guessed to be one.
_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class CommonHeaders:
    """The headers that every answer carries. cross_origin: which sites' scripts may read answers."""

    cross_origin: CrossOrigin

    def add_to(
        self,
        headers: CIMultiDict[str],
        request_id: str,
        *,
        allowed_origin: str | None,
        limits: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Add to the `headers` of an answer what every answer carries.

        request_id: the answer's `X-Request-ID`. allowed_origin: the site that may read it, as `CrossOrigin.allowed`
        gave it. limits: the headers of the rate limit, by name and value, where there is one.
        """
        for name, value in _SECURITY:
            headers[name] = value
        headers.setdefault("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
        self.cross_origin.add_to(headers, allowed_origin)
        headers["Server"] = SERVER
        headers["X-Request-ID"] = request_id
        for name, value in limits:
            headers[name] = value
