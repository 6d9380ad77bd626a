"""Who may ask the partner for tokens, and which tokens live: the state behind the token endpoint."""

import hmac
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from secrets import token_urlsafe

FEED_SCOPE = "products:read"

# Known to everyone on purpose: a simulator guards nothing, and the demo must work with nothing set up.
CLIENT_ID = "farmlokal"
CLIENT_SECRET = "not-a-secret"  # noqa: S105

# Long enough that a demo renews a token only now and then; a test of renewal passes seconds.
TOKEN_TTL_S = 3600

Clock = Callable[[], float]
"""Unix time in seconds. Wall time, because the partner tells moments to others: expiry and `as_of`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one access token allows, and until when (Unix seconds)."""

    scopes: frozenset[str]
    expires_at_s: float


class Credentials:
    """One client, the scopes it may have, and the access tokens issued to it.

    Takes the client's id and secret, its `scopes`, the lifetime of a token in seconds and the clock.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        scopes: Iterable[str] = (FEED_SCOPE,),
        token_ttl_s: int = TOKEN_TTL_S,
    ) -> None:
        self.scopes = frozenset(scopes)
        self.token_ttl_s = token_ttl_s
        self.issued = 0
        self.revoked = 0
        self._client = client_id.encode(), client_secret.encode()
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._by_expiry: deque[str] = deque()

    def __repr__(self) -> str:
        return f"<Credentials issued={self.issued} revoked={self.revoked} live={self.live}>"

    @property
    def live(self) -> int:
        """How many tokens would be accepted now."""
        self._forget_expired()
        return len(self._grants)

    def knows(self, client_id: str, client_secret: str) -> bool:
        """Whether these are the client's id and secret; takes the same time however much of them is right."""
        known_id, known_secret = self._client
        # `&` and not `and`: a wrong id must not answer sooner than a wrong secret.
        return hmac.compare_digest(known_id, client_id.encode()) & hmac.compare_digest(
            known_secret, client_secret.encode()
        )

    def issue(self, scopes: frozenset[str]) -> str:
        """Issue a new access token for `scopes`, good for `token_ttl_s` seconds."""
        self._forget_expired()
        token = token_urlsafe(32)
        self._grants[token] = Grant(scopes, self._clock() + self.token_ttl_s)
        self._by_expiry.append(token)
        self.issued += 1
        return token

    def grant_of(self, token: str) -> Grant | None:
        """Look up what `token` allows; None when it was never issued, has expired or was revoked."""
        grant = self._grants.get(token)
        return grant if grant is not None and self._clock() < grant.expires_at_s else None

    def revoke(self, token: str) -> bool:
        """End `token` at once. Returns whether it was live."""
        was_live = self.grant_of(token) is not None
        self._grants.pop(token, None)
        self.revoked += was_live
        return was_live

    def revoke_all(self) -> int:
        """End every token at once. Returns how many were live."""
        return sum([self.revoke(token) for token in list(self._grants)])

    def _forget_expired(self) -> None:
        # Every token lives equally long, so the oldest expires first and memory stays bounded without a scan.
        while self._by_expiry and self.grant_of(self._by_expiry[0]) is None:
            self._grants.pop(self._by_expiry.popleft(), None)
