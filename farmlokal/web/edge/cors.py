"""Cross-origin requests (the Fetch standard, section 3.2): which sites' scripts may read our answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from multidict import CIMultiDict

from farmlokal.formats.origins import ANY_ORIGIN

_METHODS = "GET, HEAD, POST"
# What a script may send besides what the standard allows anyway, and what it may read besides that. `Age` is of caches
# in between: we send none.
_SENT = "Authorization, Content-Type, If-None-Match, Traceparent, X-API-Key, X-Request-ID"
_READ = (
    "Age, Cache-Status, Content-Encoding, ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After,"
    " Server-Timing, X-Request-ID"
)
# Browsers cap it there at most (Chromium at two hours).
_PREFLIGHT_KEPT_S = "7200"


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """Who may read: none of the origins without any, all of them with `*`. No answer depends on cookies."""

    origins: frozenset[str] = frozenset()

    def allowed(self, origin: str | None) -> str | None:
        """What `Access-Control-Allow-Origin` says to a request with this `Origin`; None for nothing."""
        if ANY_ORIGIN in self.origins:
            # The same for everybody, also for those who do not ask: caches in between need one copy.
            return ANY_ORIGIN
        return origin if origin in self.origins else None

    def add_to(self, headers: CIMultiDict[str], allowed: str | None) -> None:
        """Add to an answer what a script needs to read it. allowed: what `allowed` gave."""
        if self.origins and ANY_ORIGIN not in self.origins:
            vary = headers.get("Vary")
            headers["Vary"] = f"{vary}, Origin" if vary else "Origin"
        if allowed is not None:
            headers["Access-Control-Allow-Origin"] = allowed
            headers["Access-Control-Expose-Headers"] = _READ

    def preflight(self, asked: Mapping[str, str]) -> dict[str, str]:
        """What the answer to a preflight request with the headers `asked` adds; nothing where it is none."""
        if "Access-Control-Request-Method" not in asked or self.allowed(asked.get("Origin")) is None:
            return {}
        return {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _SENT,
            "Access-Control-Max-Age": _PREFLIGHT_KEPT_S,
        }
