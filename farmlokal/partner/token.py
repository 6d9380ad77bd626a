"""An access token with its times, and how it travels to Redis and back."""

from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from farmlokal.partner.token_encryption import Seal

# Renewal begins when this share of the lifetime is left, or up to as much again, by chance: clients whose tokens were
# issued together, after an outage say, must not all come back together.
_MARGIN_SHARE = 0.1
# A token handed out in its last moment would expire on its way to the partner.
_LEEWAY_SHARE = 0.02
_LEEWAY_MAX_S = 2.0


class Grant(NamedTuple):
    """What a token endpoint gave: the token, its scope and its lifetime in seconds. Never to be logged."""

    access_token: str
    scope: str
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its times are seconds of the wall clock, which processes share.

    renew_at: from when on a new one is asked for. usable_until: until when it is handed out, just before expires_at.
    """

    access_token: str = field(repr=False)
    scope: str
    issued_at: float
    renew_at: float
    usable_until: float
    expires_at: float

    def sealed(self, seal: Seal) -> bytes:
        """The token as nobody without the client's secret can read it."""
        fields = (self.scope, self.issued_at, self.renew_at, self.usable_until, self.expires_at)
        return seal.sealed(orjson.dumps([self.access_token, *fields]))


def token_of(grant: Grant, asked_at: float, draw: float) -> Token:
    """The token of a grant that was asked for at `asked_at`, from when its life is counted. draw: in [0, 1)."""
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


def opened_token(raw: bytes, seal: Seal) -> Token | None:
    """The token that `raw` holds; None for what was not sealed by this client for this question."""
    plain = seal.opened(raw)
    if plain is None:
        return None
    try:
        access_token, scope, *times = orjson.loads(plain)
        return Token(str(access_token), str(scope), *map(float, times))
    except (ValueError, TypeError):
        return None
