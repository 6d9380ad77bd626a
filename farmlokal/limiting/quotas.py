"""Quotas: how many requests of a class a client may make in which time, and their text in the settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

# A burst of 5 % would use up all that a minute's flood may be off by; the rest is for what processes learn late.
BURST_SHARE = 0.04
# The classes of requests: to the routes that hand out tokens, and to all others.
TOKEN, DEFAULT = "token", "default"
CLASSES = (DEFAULT, TOKEN)
DEFAULT_QUOTAS = "default=1200/minute,token=60/minute"
OFF = "off"
_WINDOWS_S = {"second": 1, "minute": 60, "hour": 3600}
_REQUESTS_MAX = 1_000_000_000
_QUOTA = re.compile(rf"(?P<name>{'|'.join(CLASSES)})=(?P<requests>[0-9]{{1,10}})/(?P<unit>{'|'.join(_WINDOWS_S)})")
# Adding emission intervals up must not lose a request to the last digit of a float. At most a share of one of them.
_ROUNDING_S, _ROUNDING_SHARE = 1e-6, 1e-3


@dataclass(frozen=True, slots=True)
class Quota:
    """`requests` in `window_s` seconds for each client, of the requests in the class `name`."""

    name: str
    requests: int
    window_s: int

    @property
    def emission_interval_s(self) -> float:
        """The time that one request uses up."""
        return self.window_s / self.requests

    @property
    def burst(self) -> int:
        """The requests that may come at once from a client that was quiet: at most a twentieth of the quota, or 1."""
        return max(1, floor(self.requests * BURST_SHARE))

    @property
    def tolerance_s(self) -> float:
        """The seconds that a client's theoretical arrival time may lie ahead once a request is admitted."""
        interval_s = self.emission_interval_s
        return self.burst * interval_s + min(_ROUNDING_S, _ROUNDING_SHARE * interval_s)

    @property
    def policy(self) -> str:
        """The value of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.requests};w={self.window_s}'


def parse_quotas(text: str) -> Mapping[str, Quota]:
    """Returns the quotas in `text`, as `default=1200/minute,token=60/minute`; a class left out keeps its default.

    No quotas for `off`. Raises ValueError, whose text is what is allowed.
    """
    return {} if text == OFF else _parsed(DEFAULT_QUOTAS) | _parsed(text)


def _parsed(text: str) -> dict[str, Quota]:
    quotas: dict[str, Quota] = {}
    for part in text.split(","):
        found = _QUOTA.fullmatch(part.strip())
        if found is None or found["name"] in quotas or not 1 <= int(found["requests"]) <= _REQUESTS_MAX:
            raise ValueError(
                f"must be {OFF}, or comma-separated CLASS=REQUESTS/UNIT: CLASS {' or '.join(CLASSES)}, each once;"
                f" REQUESTS 1 to {_REQUESTS_MAX}; UNIT {' or '.join(_WINDOWS_S)}"
            )
        quotas[found["name"]] = Quota(found["name"], int(found["requests"]), _WINDOWS_S[found["unit"]])
    return quotas
