"""Verdicts: what the answer to a request says of its client's quota, made once for each value and used again."""

from math import ceil
from typing import NamedTuple, TypeVar

from farmlokal.limiting.quotas import Quota

# Of one kind. A quota by the hour may have a verdict for each of its seconds.
_KEPT_MAX = 4096
# The largest that is sent. With more, nearly every verdict would be another, and making one costs more than the
# decision.
REMAINING_MAX = 1000

Key = TypeVar("Key")


class Verdict(NamedTuple):
    """Whether a request may pass, and what the headers of its answer are.

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
    """The verdicts of one quota.

    ahead_s, in all methods: how many seconds the client's theoretical arrival time lies ahead.
    """

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._interval_s = quota.emission_interval_s
        self._tolerance_s = quota.tolerance_s
        self._step_s = max(1, ceil(quota.emission_interval_s))
        self._admitted: dict[tuple[int, int], Verdict] = {}
        self._refused: dict[int, Verdict] = {}
        self.peers = 1  # processes that share the limit

    def __repr__(self) -> str:
        return f"<Verdicts {self._quota.policy} kept={len(self._admitted) + len(self._refused)}>"

    def admitted(self, ahead_s: float, spent: int) -> Verdict:
        """The verdict of a request that is admitted, and counted in `ahead_s` and `spent`.

        spent: requests of the client that this process admitted since its last report; 0 where they make no difference.
        The other processes may have used their parts of what was left then.
        """
        left = max(0, (int((self._tolerance_s - ahead_s) / self._interval_s) + spent) // self.peers - spent)
        return self._with(left, self._step_s if left else min(self._step_s, self._reset_s(ahead_s)))

    def granted(self, ahead_s: float) -> Verdict:
        """The verdict of a request at the limit that passes by a grant."""
        return self._with(0, self._reset_s(ahead_s))

    def refused(self, ahead_s: float) -> Verdict:
        """The verdict of a request that has to come back."""
        reset_s = self._reset_s(ahead_s)
        return self._refused.get(reset_s) or _keep(self._refused, reset_s, self._made(False, 0, reset_s))

    def _with(self, remaining: int, reset_s: int) -> Verdict:
        # Of much that remains a part is sent; the next answer sends more.
        remaining = min(remaining, REMAINING_MAX)
        kept = self._admitted.get((remaining, reset_s))
        return kept or _keep(self._admitted, (remaining, reset_s), self._made(True, remaining, reset_s))

    def _reset_s(self, ahead_s: float) -> int:
        """After how many whole seconds the client may come."""
        wait_s = ahead_s + self._interval_s - self._tolerance_s
        return ceil(wait_s) if wait_s > 1 else 1

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
