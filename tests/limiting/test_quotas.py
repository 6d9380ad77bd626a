"""How quotas are written, and what they come to."""

import pytest

from farmlokal.limiting.quotas import DEFAULT_QUOTAS, Quota, parse_quotas


def test_the_default_is_that_of_the_contract() -> None:
    """1,200 a minute, 60 of tokens."""
    assert {"default": Quota("default", 1200, 60), "token": Quota("token", 60, 60)} == parse_quotas(DEFAULT_QUOTAS)


def test_every_unit_is_read_and_a_class_left_out_keeps_its_default() -> None:
    """Seconds, minutes and hours."""
    assert {"default": Quota("default", 20, 1), "token": Quota("token", 60, 60)} == parse_quotas("default=20/second")
    assert Quota("token", 1, 3600) == parse_quotas("default=1/minute, token=1/hour")["token"]
    assert {} == parse_quotas("off")


@pytest.mark.parametrize(
    "text",
    [
        "", "1200", "1200/minute", "default=0/minute", "default=-1/minute", "default=1.5/minute", "default=1200/day",
        "default=1200", "all=1200/minute", "default=1/minute,default=2/minute", "default=1/minute,", "off,token=1/hour",
        "default=1000000001/second", "default=99999999999/second", "default=\u0661/minute", "OFF",
    ],
)  # fmt: skip
def test_what_is_no_quota_is_refused_with_what_is_allowed(text: str) -> None:
    """Unknown classes and units, zero, two of a kind."""
    with pytest.raises(ValueError, match="must be off, or comma-separated CLASS=REQUESTS/UNIT: CLASS default or token"):
        parse_quotas(text)


@pytest.mark.parametrize("requests", [1, 10, 24, 25, 60, 99, 1200, 1_000_000])
def test_a_burst_is_at_most_a_twentieth_and_at_least_one(requests: int) -> None:
    """Whatever the quota."""
    burst = Quota("default", requests, 60).burst
    assert 1 == burst or burst <= requests * 0.05
