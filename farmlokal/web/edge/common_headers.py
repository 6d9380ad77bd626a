"""What every answer carries, whichever path it comes from: security headers, CORS, the request id, the limits."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from multidict import CIMultiDict

from farmlokal.web.edge.cors import CrossOrigin

SERVER = "farmlokal"
# OWASP's advice for an API: answers are data, never a page, and not to be guessed to be one.
_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"
_OURS_TO_KEEP = re.compile(r"[\w.-]{1,64}", re.ASCII)

# Unique by its first half across processes, by its second within this one: cheaper than new randomness each time.
_process_part = secrets.token_hex(4)
_numbers = count(secrets.randbits(24))


def new_request_id() -> str:
    """A fresh request id of 16 characters."""
    return f"{_process_part}{next(_numbers) & 0xFFFFFFFF:08x}"


def request_id_from(offered: str | None) -> str:
    """The caller's own `X-Request-ID` where it is harmless, a fresh one elsewhere."""
    return offered if offered and _OURS_TO_KEEP.fullmatch(offered) else new_request_id()


@dataclass(frozen=True, slots=True)
class Edge:
    """Finishes the headers of answers."""

    cross_origin: CrossOrigin

    def finish(
        self,
        headers: CIMultiDict[str],
        request_id: str,
        *,
        allowed_origin: str | None,
        limits: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Add to `headers` what every answer carries. limits: the headers of the rate limit, where there is one."""
        for name, value in _SECURITY:
            headers[name] = value
        headers.setdefault("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
        self.cross_origin.add_to(headers, allowed_origin)
        headers["Server"] = SERVER
        headers["X-Request-ID"] = request_id
        for name, value in limits:
            headers[name] = value
