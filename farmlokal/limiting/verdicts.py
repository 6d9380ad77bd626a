"""Verdicts: what a request is told of its client's quota, made once for each value and used again."""

from collections.abc import Mapping
from typing import NamedTuple

from farmlokal.limiting.quotas import Quota

# Of one kind. A quota that allows larger bursts has its verdicts made anew from time to time. A quota of one an hour
# has 3,600 kinds at most.
_KEPT_MAX = 4096


class Verdict(NamedTuple):
    """Whether a request may pass, and what the headers say.

    remaining: how many more may follow at once. reset_s: after so many seconds there is at least one more; to a
    refused request, when to come back. headers: names and values, for every answer. lines: the same as bytes, a line
    end before each.
    """

    allowed: bool
    remaining: int
    reset_s: int
    headers: tuple[tuple[str, str], ...]
    lines: bytes


class Verdicts:
    """The verdicts of one quota."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        # By reset_s, then by remaining.
        self._admitted: dict[int, dict[float, Verdict]] = {}
        self._refused: dict[float, Verdict] = {}

    def __repr__(self) -> str:
        kept = len(self._refused) + sum(map(len, self._admitted.values()))
        return f"<Verdicts {self._quota.policy} kept={kept}>"

    def admitted_by(self, reset_s: int) -> Mapping[float, Verdict]:
        """The verdicts of requests that may pass as far as they are made, by what remains."""
        return self._admitted.setdefault(reset_s, {})

    def admitted(self, remaining: int, reset_s: int) -> Verdict:
        """The verdict of a request that may pass."""
        kept = self._admitted.setdefault(reset_s, {})
        return kept.get(remaining) or _keep(kept, remaining, self._made(True, remaining, reset_s))

    def refused(self, reset_s: int) -> Verdict:
        """The verdict of a request that has to come back."""
        return self._refused.get(reset_s) or _keep(self._refused, reset_s, self._made(False, 0, reset_s))

    def _made(self, allowed: bool, remaining: int, reset_s: int) -> Verdict:
        headers = (
            ("RateLimit-Policy", self._quota.policy),
            ("RateLimit", f'"{self._quota.name}";r={remaining};t={reset_s}'),
        )
        lines = "".join(f"\r\n{name}: {value}" for name, value in headers).encode()
        return Verdict(allowed, remaining, reset_s, headers, lines)


def _keep(kept: dict[float, Verdict], key: int, verdict: Verdict) -> Verdict:
    if len(kept) >= _KEPT_MAX:
        kept.clear()
    kept[key] = verdict
    return verdict
