"""Verdicts: what a request is told of its client's quota, made once for each value and used again."""

from typing import NamedTuple, TypeVar

from farmlokal.limiting.quotas import Quota

# Of one kind. A quota by the hour may have a verdict for each of its seconds.
_KEPT_MAX = 4096
# Told to a client. With more, nearly every verdict would be another, and making one costs more than the decision.
REMAINING_MAX = 1000

Key = TypeVar("Key")


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
        self._admitted: dict[tuple[int, int], Verdict] = {}
        self._refused: dict[int, Verdict] = {}

    def __repr__(self) -> str:
        return f"<Verdicts {self._quota.policy} kept={len(self._admitted) + len(self._refused)}>"

    def admitted(self, remaining: int, reset_s: int) -> Verdict:
        """The verdict of a request that may pass. Of much that remains a part is told; the next answer tells more."""
        remaining = min(remaining, REMAINING_MAX)
        kept = self._admitted.get((remaining, reset_s))
        return kept or _keep(self._admitted, (remaining, reset_s), self._made(True, remaining, reset_s))

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


def _keep(kept: dict[Key, Verdict], key: Key, verdict: Verdict) -> Verdict:
    if len(kept) >= _KEPT_MAX:
        kept.clear()
    kept[key] = verdict
    return verdict
