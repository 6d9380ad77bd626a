"""Verdicts: what the answer to a request says of its client's quota, made once for each value and used again."""

import sys
from math import ceil
from typing import NamedTuple, TypeVar

from farmlokal.limiting.quotas import Quota

# Of one kind. A quota by the hour may have a verdict for each of its seconds, and one client may spend so many requests
# in a tenth of a second.
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
        # To clients that had their whole burst, which are most, by what each spent since its last report.
        self._full_burst_verdicts: dict[int, Verdict] = {}
        self.share_among(1)

    def __repr__(self) -> str:
        return f"<Verdicts {self._quota.policy} kept={len(self._admitted) + len(self._refused)}>"

    def share_among(self, peers: int) -> None:
        """From now on `peers` processes share the limit."""
        self._peers = peers
        self._full_burst_verdicts.clear()
        # So much may be spent since the last report while as much remains as is ever sent: then it makes no difference
        # how much it was.
        others = peers - 1
        self._untold_max = (self._quota.burst - REMAINING_MAX * peers) // others if others else sys.maxsize

    def admitted(self, ahead_s: float, spent: int) -> Verdict:
        """The verdict of a request that is admitted, and counted in `ahead_s` and `spent`.

        spent: requests of the client that this process admitted since its last report. The other processes may have
        used their parts of what was left then.
        """
        if spent <= self._untold_max:
            spent = 0
        had_full_burst = ahead_s == self._interval_s
        if had_full_burst:
            kept = self._full_burst_verdicts.get(spent)
            if kept is not None:
                return kept
        left = max(0, (int((self._tolerance_s - ahead_s) / self._interval_s) + spent) // self._peers - spent)
        verdict = self._with(left, self._step_s if left else min(self._step_s, self._reset_s(ahead_s)))
        return _keep(self._full_burst_verdicts, spent, verdict) if had_full_burst else verdict

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
