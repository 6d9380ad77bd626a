"""An access token with its times, and its encrypted form in Redis."""

from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from farmlokal.partner.token_encryption import TokenCipher

# Renewal begins when this share of the lifetime is left, or up to as much again, by chance: clients whose tokens were
# issued together, after an outage say, must not all come back together.
_MARGIN_SHARE = 0.1
# A token handed out in its last moment would expire on its way to the partner.
_LEEWAY_SHARE = 0.02
_LEEWAY_MAX_S = 2.0


class Grant(NamedTuple):
    """What a token endpoint granted: the token, its scope and its lifetime in seconds. Never to be logged."""

    access_token: str
    scope: str
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its times are seconds of the wall clock, which processes share.

    renew_at: from then on a new token is requested. usable_until: until then this one is handed out, just before
    expires_at.
    """

    access_token: str = field(repr=False)
    scope: str
    issued_at: float
    renew_at: float
    usable_until: float
    expires_at: float

    def encrypted(self, cipher: TokenCipher) -> bytes:
        """Returns the token with its times, encrypted."""
        fields = (self.scope, self.issued_at, self.renew_at, self.usable_until, self.expires_at)
        return cipher.encrypt(orjson.dumps([self.access_token, *fields]))


def token_of(grant: Grant, asked_at: float, draw: float) -> Token:
    """Returns the token of `grant`.

    asked_at: wall seconds of its request, from which its lifetime counts. draw: in [0, 1), for the jitter of renewals.
    """
    lifetime_s = grant.lifetime_s
    margin_s = lifetime_s * _MARGIN_SHARE * (1 + draw)
    expires_at = asked_at + lifetime_s
    return Token(
        grant.access_token,
        grant.scope,
        asked_at,
        expires_at - margin_s,
        expires_at - min(_LEEWAY_MAX_S, lifetime_s * _LEEWAY_SHARE),
        expires_at,
    )


def decrypted_token(raw: bytes, cipher: TokenCipher) -> Token | None:
    """Returns the token in `raw`; None where `raw` was not encrypted by this client for the same credentials."""
    plain = cipher.decrypt(raw)
    if plain is None:
        return None
    try:
        access_token, scope, *times = orjson.loads(plain)
        return Token(str(access_token), str(scope), *map(float, times))
    except (ValueError, TypeError):
        return None
