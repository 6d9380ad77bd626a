"""Requests to an OAuth 2 token endpoint: the client credentials grant (RFC 6749 section 4.4)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import orjson
from yarl import URL

from farmlokal.errors import PartnerFailed
from farmlokal.partner.client_auth import ClientAuth, fields_of, header_of
from farmlokal.partner.outbound.responses import PartnerResponse
from farmlokal.partner.outbound.upstream import Outbound
from farmlokal.partner.token import Grant
from farmlokal.partner.token_answer import TokenAnswer, read_answer

# The error answers of RFC 6749 section 5.2; their body says what is wrong.
REFUSALS = frozenset({400, 401})
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
# Where the endpoint does not say how long a token lives: short, since a token that is thought to live too long fails a
# call, which then costs another.
LIFETIME_S = 300


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Our client at one token endpoint, and what it asks for.

    extra: further parameters that some providers want. auth: how the client says who it is. lifetime_s: of a token
    whose answer does not say.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    audience: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    auth: ClientAuth = ClientAuth.BASIC
    lifetime_s: float = LIFETIME_S

    @property
    def cache_key(self) -> str:
        """A hash of everything by which one token differs from another. The order of scopes does not count."""
        scopes = sorted(self.scope.split()) if self.scope else []
        question = [self.token_url, self.client_id, self.auth, scopes, self.audience, sorted(self.extra.items())]
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
        response, answer = await self.ask()
        if answer.grant is None:
            story = "" if response.status in REFUSALS else "gave no token: "
            raise PartnerFailed(f"the token endpoint {self.host} {story}{'; '.join(answer.faults)}", response.upstream)
        return answer.grant

    async def ask(self) -> tuple[PartnerResponse, TokenAnswer]:
        """Returns the response to a request for a token, and what is in it. Raises as `request`, without a response."""
        response = await self._outbound.call(
            "POST",
            URL(self._credentials.token_url),
            headers={**self._client(header_of), "Content-Type": "application/x-www-form-urlencoded"},
            body=self._form(),
            deadline=self._outbound.deadline(),
            # A token too many does no harm.
            repeatable=True,
            returned=REFUSALS,
        )
        if response.status in REFUSALS:
            return response, TokenAnswer(None, (f"refused the client{_error_code(response.content)}",))
        asked_scope, lifetime_s = self._credentials.scope or "", self._credentials.lifetime_s
        return response, read_answer(response.content, asked_scope=asked_scope, lifetime_s=lifetime_s)

    def _client(self, part: Callable[[ClientAuth, str, str], dict[str, str]]) -> dict[str, str]:
        return part(self._credentials.auth, self._credentials.client_id, self._credentials.client_secret)

    def _form(self) -> bytes:
        asked = {"scope": self._credentials.scope, "audience": self._credentials.audience, **self._credentials.extra}
        fields = {"grant_type": "client_credentials", **{name: value for name, value in asked.items() if value}}
        return urlencode(fields | self._client(fields_of)).encode()


def _error_code(content: Any) -> str:
    code = content.get("error") if isinstance(content, dict) else None
    return f": {code}" if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else ""
