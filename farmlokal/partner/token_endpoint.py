"""Requests to an OAuth 2 token endpoint: the client credentials grant (RFC 6749 section 4.4)."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson
from yarl import URL

from farmlokal.errors import PartnerFailed
from farmlokal.partner.outbound.responses import PartnerResponse
from farmlokal.partner.outbound.upstream import Outbound
from farmlokal.partner.token import Grant

_AUTH_METHOD = "client_secret_basic"
# The error answers of RFC 6749 section 5.2; their body says what is wrong.
_REFUSALS = frozenset({400, 401})
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
# What a header can carry (RFC 6750 section 2.1 allows less; some servers hand out more).
_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_SCOPE_CHARS_MAX = 1000
# A year: a longer lifetime means "never expires" or milliseconds, and is refused.
_LIFETIME_MAX_S = 31_536_000


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Our client at one token endpoint, and what it asks for. extra: further parameters that some providers want."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    audience: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def cache_key(self) -> str:
        """A hash of everything by which one token differs from another. The order of scopes does not count."""
        scopes = sorted(self.scope.split()) if self.scope else []
        question = [self.token_url, self.client_id, _AUTH_METHOD, scopes, self.audience, sorted(self.extra.items())]
        return f"token:{sha256(orjson.dumps(question)).hexdigest()}"


class TokenEndpoint:
    """The endpoint of `credentials`, called by `outbound`."""

    def __init__(self, credentials: ClientCredentials, outbound: Outbound) -> None:
        self._credentials = credentials
        self._outbound = outbound
        self.host = outbound.guards.host

    def __repr__(self) -> str:
        return f"<TokenEndpoint {self.host}>"

    async def request(self) -> Grant:
        """Returns a new token. Raises PartnerUnavailable, and PartnerFailed for a response that is no grant."""
        response = await self._outbound.call(
            "POST",
            URL(self._credentials.token_url),
            headers={"Authorization": self._basic(), "Content-Type": "application/x-www-form-urlencoded"},
            body=self._form(),
            deadline=self._outbound.deadline(),
            # A token too many does no harm.
            repeatable=True,
            returned=_REFUSALS,
        )
        if response.status in _REFUSALS:
            raise self._failed(response, f"refused the client{_error_code(response.content)}")
        fault, grant = _read(response.content, self._credentials.scope or "")
        if grant is None:
            raise self._failed(response, f"gave no token: {fault}")
        return grant

    def _failed(self, response: PartnerResponse, story: str) -> PartnerFailed:
        return PartnerFailed(f"the token endpoint {self.host} {story}", response.upstream)

    def _basic(self) -> str:
        # Both form-encoded first (RFC 6749 section 2.3.1): an id may have a colon.
        pair = f"{quote_plus(self._credentials.client_id)}:{quote_plus(self._credentials.client_secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def _form(self) -> bytes:
        asked = {"scope": self._credentials.scope, "audience": self._credentials.audience, **self._credentials.extra}
        fields = {"grant_type": "client_credentials", **{name: value for name, value in asked.items() if value}}
        return urlencode(fields).encode()


def _error_code(content: Any) -> str:
    code = content.get("error") if isinstance(content, dict) else None
    return f": {code}" if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else ""


def _read(content: Any, asked_scope: str) -> tuple[str, Grant | None]:
    """Returns the fault of a 200's content, or "" and its grant. No value is quoted: it may be the token."""
    if not isinstance(content, dict):
        return "the answer is no JSON object", None
    access_token, token_type = content.get("access_token"), content.get("token_type")
    if not isinstance(access_token, str) or not _ACCESS_TOKEN.fullmatch(access_token):
        return "access_token is missing, or is not one", None
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        return "token_type is not Bearer", None
    lifetime_s = _lifetime_s(content.get("expires_in"))
    if lifetime_s is None:
        return f"expires_in is missing, or is not 1 to {_LIFETIME_MAX_S} seconds", None
    scope = content.get("scope", asked_scope)
    if not isinstance(scope, str) or len(scope) > _SCOPE_CHARS_MAX:
        return "scope is not a text", None
    return "", Grant(access_token, scope, lifetime_s)


def _lifetime_s(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 1 <= value <= _LIFETIME_MAX_S else None
