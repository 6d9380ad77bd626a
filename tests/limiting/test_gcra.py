"""The limiter of one process beside an independent model, and beside clients that keep to what they are told."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.limiting.limiter import RateLimiter
from farmlokal.limiting.quotas import Quota
from farmlokal.limiting.verdicts import Verdict
from tests.support.clock import StillClock

MS = 1000
# Emission intervals of whole milliseconds, so that the model can count in integers.
QUOTAS = [
    Quota("default", 1200, 60),
    Quota("default", 60, 60),
    Quota("default", 100, 1),
    Quota("default", 10, 1),
    Quota("default", 1, 3600),
    Quota("default", 50, 3600),
]
quotas = st.sampled_from(QUOTAS)
# Mostly floods, with pauses of every length between them.
gaps_ms = st.lists(
    st.one_of(st.just(0), st.integers(0, 60), st.integers(0, 5_000), st.integers(0, 4_000_000)), max_size=150
)


class Bucket:
    """A token bucket, in whole milliseconds: what GCRA has to be equal to."""

    def __init__(self, quota: Quota) -> None:
        self.unit_ms = quota.window_s * MS // quota.requests
        self.room_ms = self.level_ms = quota.burst * self.unit_ms

    def take(self, passed_ms: int) -> bool:
        """Whether there is a token after so many more milliseconds; it is taken."""
        self.level_ms = min(self.room_ms, self.level_ms + passed_ms)
        if self.level_ms < self.unit_ms:
            return False
        self.level_ms -= self.unit_ms
        return True


@given(quotas, gaps_ms)
def test_decides_as_a_token_bucket_does(quota: Quota, gaps: list[int]) -> None:
    """Whatever the times of the requests, the same ones pass."""
    clock = StillClock(1_000_000.0)
    limiter, bucket = RateLimiter([quota], clock=clock), Bucket(quota)
    at_ms = 0
    for gap in gaps:
        at_ms += gap
        clock.now_s = 1_000_000 + at_ms / MS
        assert bucket.take(gap) == limiter.take("default", "a").allowed


@given(quotas, gaps_ms)
def test_no_window_sees_more_than_quota_and_burst(quota: Quota, gaps: list[int]) -> None:
    """In any stretch of time of any length no more is admitted than comes free in it, and one burst."""
    clock = StillClock(0.0)
    limiter = RateLimiter([quota], clock=clock)
    admitted_ms: list[int] = []
    at_ms = 0
    for gap in gaps:
        at_ms += gap
        clock.now_s = at_ms / MS
        if limiter.take("default", "a").allowed:
            admitted_ms.append(at_ms)
    unit_ms = quota.window_s * MS // quota.requests
    for first, start_ms in enumerate(admitted_ms):
        for last in range(first, len(admitted_ms)):
            assert (last - first + 1) <= (admitted_ms[last] - start_ms) / unit_ms + quota.burst
    window_ms = quota.window_s * MS
    for first, start_ms in enumerate(admitted_ms):
        within = bisect_left(admitted_ms, start_ms + window_ms) - first
        assert within <= quota.requests + quota.burst


@given(quotas, st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 60)), max_size=40))
def test_who_keeps_to_the_headers_is_never_refused(quota: Quota, asked: list[tuple[int, int]]) -> None:
    """A client that sends at most `r` requests, or waits `t` seconds for one more, sees no 429."""
    clock = StillClock(1_000_000.0)
    limiter = RateLimiter([quota], clock=clock)
    told: Verdict = limiter.take("default", "a")
    answered_at = clock.now_s
    for pause_ms, volley in asked:
        clock.now_s += pause_ms / MS
        if told.remaining == 0:
            clock.now_s = max(clock.now_s, answered_at + told.reset_s)
        for _ in range(min(volley, max(1, told.remaining))):
            told = limiter.take("default", "a")
            assert told.allowed
        answered_at = clock.now_s


@given(quotas, st.integers(1, 100))
def test_who_honours_retry_after_is_admitted(quota: Quota, refusals: int) -> None:
    """After a refusal the wait that it names is enough, and refusals cost nothing."""
    clock = StillClock(1_000_000.0)
    limiter = RateLimiter([quota], clock=clock)
    while (verdict := limiter.take("default", "a")).allowed:
        pass
    for _ in range(refusals):
        verdict = limiter.take("default", "a")
    clock.now_s += verdict.reset_s
    assert limiter.take("default", "a").allowed


@pytest.mark.parametrize(
    ("quota", "headers"),
    [
        (QUOTAS[0], ['"default";r=47;t=1', '"default";r=46;t=1', '"default";r=45;t=1']),
        (QUOTAS[1], ['"default";r=1;t=1', '"default";r=0;t=1', '"default";r=0;t=1']),
        (QUOTAS[4], ['"default";r=0;t=3600', '"default";r=0;t=3600', '"default";r=0;t=3600']),
        (Quota("default", 1_000_000, 1), ['"default";r=1000;t=1'] * 3),
        (QUOTAS[5], ['"default";r=1;t=72', '"default";r=0;t=72', '"default";r=0;t=72']),
    ],
)
def test_the_headers_count_down(quota: Quota, headers: list[str]) -> None:
    """`r` is what may come at once, `t` when there is one more; the policy is the configured quota."""
    limiter = RateLimiter([quota], clock=StillClock(1_000_000.0))
    verdicts = [limiter.take("default", "a") for _ in headers]
    policy = f'"default";q={quota.requests};w={quota.window_s}'
    assert [(("RateLimit-Policy", policy), ("RateLimit", limit)) for limit in headers] == [v.headers for v in verdicts]
    assert f"RateLimit-Policy: {policy}\r\nRateLimit: {headers[0]}".encode() in verdicts[0].lines


@pytest.mark.parametrize("quota", [QUOTAS[0], QUOTAS[1], Quota("default", 100_000_000, 60)])
@pytest.mark.parametrize("peers", [2, 3, 8])
def test_each_of_several_processes_tells_its_part(quota: Quota, peers: int) -> None:
    """What all tell together is never more than there is, however much one of them has admitted meanwhile."""
    clock = StillClock(1_000_000.0)
    limiters = [RateLimiter([quota], clock=clock) for _ in range(peers)]
    for limiter in limiters:
        limiter.share_among(peers)
    for _ in range(2 * quota.burst if quota.burst < 100 else 100):
        told = [limiter.take("default", "a").remaining for limiter in limiters]
        assert 0 <= sum(told) <= max(0, quota.burst - peers)
        clock.now_s += quota.emission_interval_s


def test_clients_and_quotas_are_apart() -> None:
    """One client's flood leaves another's quota alone, and its own quota of another class."""
    limiter = RateLimiter([Quota("default", 50, 3600), Quota("token", 1, 3600)], clock=StillClock(1_000_000.0))
    assert [True, True, False] == [limiter.take("default", "a").allowed for _ in range(3)]
    assert [True, False] == [limiter.take("token", "a").allowed for _ in range(2)]
    assert [True, True, False] == [limiter.take("default", "b").allowed for _ in range(3)]
    assert [2, 1] == list(limiter.refusals.values())
    assert 3 == limiter.clients
