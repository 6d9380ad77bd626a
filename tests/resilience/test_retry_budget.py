"""The retry budget: a share of calls, a floor for those who call seldom, and no hoard."""

from hypothesis import given
from hypothesis import strategies as st

from farmlokal.resilience.retry_budget import RetryBudget
from tests.support.clock import StillClock


def taken(budget: RetryBudget, wanted: int) -> int:
    """How many of so many retries the budget allows."""
    return sum(budget.spend() for _ in range(wanted))


def test_a_share_of_calls_may_be_retried() -> None:
    """A thousand calls that all fail are retried a hundred times, and the floor."""
    budget = RetryBudget(share=0.1, floor=10, clock=StillClock())
    retries = 0
    for _ in range(1000):
        budget.count_call()
        retries += taken(budget, 3)
    assert 109 <= retries <= 110


def test_the_floor_comes_back_with_time() -> None:
    """A client that calls once an hour may retry."""
    clock = StillClock()
    budget = RetryBudget(share=0.1, floor=10, floor_s=60, clock=clock)
    assert 10 == taken(budget, 99)
    clock.now_s += 6
    assert 1 == taken(budget, 99)
    clock.now_s += 3600
    assert 10 == taken(budget, 99)


def test_a_calm_buys_no_storm() -> None:
    """However many calls went well, the retries in hand are bounded."""
    budget = RetryBudget(share=0.1, floor=10, held_max=50, clock=StillClock())
    for _ in range(100_000):
        budget.count_call()
    assert "<RetryBudget held=50.0>" == repr(budget)
    assert 50 == taken(budget, 999)


@given(st.lists(st.integers(0, 5), max_size=300), st.floats(0, 1), st.integers(0, 20))
def test_retries_never_exceed_the_share_and_the_floor(asked: list[int], share: float, floor: int) -> None:
    """Whatever comes in whatever order, retries are at most share · calls + floor."""
    budget = RetryBudget(share=share, floor=floor, clock=StillClock())
    retries = 0
    for calls, wanted in enumerate(asked, start=1):
        budget.count_call()
        retries += taken(budget, wanted)
        assert retries <= share * calls + floor + 1e-6
