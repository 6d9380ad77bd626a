"""The circuit breaker: three states, one probe at a time, and a slot that is always given back."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from farmlokal.resilience.breaker import BreakerOpen, BreakerState, CircuitBreaker

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
OPEN_S = 10.0


def fail_otherwise() -> None:
    """A fault that is not the dependency's."""
    raise KeyError


@dataclass
class Setting:
    """A breaker that opens after three failures, its clock, and the changes that it told of."""

    now_s: float = 100.0
    changes: list[BreakerState] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breaker = CircuitBreaker(
            failures_max=3, open_s=OPEN_S, on_change=self.changes.append, clock=lambda: self.now_s
        )

    def succeed(self) -> None:
        """One call that works."""
        with self.breaker.call(OSError):
            pass

    def fail(self, times: int = 1) -> None:
        """Calls that end in a failure that counts."""
        for _ in range(times):
            with pytest.raises(OSError, match="away"), self.breaker.call(OSError):
                raise OSError("away")

    def is_held_back(self) -> bool:
        """Whether a call is refused; one that passes ends as neither success nor failure."""
        try:
            with contextlib.suppress(KeyError), self.breaker.call(OSError):
                fail_otherwise()
        except BreakerOpen:
            return True
        return False


@pytest.fixture
def setting() -> Setting:
    """A fresh breaker."""
    return Setting()


def test_it_opens_after_failures_in_a_row(setting: Setting) -> None:
    """The third failure in a row opens it, and not one call passes from then on."""
    setting.fail(2)
    assert (CLOSED, False) == (setting.breaker.state, setting.is_held_back())
    setting.fail()
    assert (OPEN, True) == (setting.breaker.state, setting.is_held_back())
    assert [OPEN] == setting.changes
    assert "<CircuitBreaker open failures=3 probing=False>" == repr(setting.breaker)


def test_a_success_between_failures_starts_the_count_again(setting: Setting) -> None:
    """Failures that are not in a row are weather."""
    for _ in range(5):
        setting.fail(2)
        setting.succeed()
    assert (CLOSED, []) == (setting.breaker.state, setting.changes)


def test_other_errors_are_not_the_dependencys_failures(setting: Setting) -> None:
    """A fault of the caller's own passes through and counts for nothing."""
    for _ in range(5):
        with pytest.raises(KeyError), setting.breaker.call(OSError):
            raise KeyError
    assert CLOSED is setting.breaker.state


def test_one_probe_passes_when_it_is_half_open(setting: Setting) -> None:
    """After the stated time a single call is let through; a second one beside it is held back."""
    setting.fail(3)
    setting.now_s += OPEN_S - 0.1
    assert (OPEN, True) == (setting.breaker.state, setting.is_held_back())
    setting.now_s += 0.1
    assert HALF_OPEN is setting.breaker.state
    with setting.breaker.call(OSError):
        assert "<CircuitBreaker open failures=3 probing=True>" == repr(setting.breaker)
        assert setting.is_held_back()
    assert (CLOSED, [OPEN, CLOSED]) == (setting.breaker.state, setting.changes)
    setting.fail(2)
    assert CLOSED is setting.breaker.state


def test_it_says_how_long_it_stays_open(setting: Setting) -> None:
    """Who is held back can be told when to come back; where a call may be tried, that is now."""
    left = [setting.breaker.open_left_s]
    setting.fail(3)
    for _ in range(3):
        left.append(setting.breaker.open_left_s)
        setting.now_s += OPEN_S * 0.6
    setting.succeed()
    assert [0, OPEN_S, pytest.approx(OPEN_S * 0.4), 0, 0] == [*left, setting.breaker.open_left_s]


def test_a_failed_probe_opens_it_for_the_whole_time_again(setting: Setting) -> None:
    """One failure is enough then, and nobody is told twice that it is open."""
    setting.fail(3)
    for _ in range(4):
        setting.now_s += OPEN_S
        setting.fail()
        setting.now_s += OPEN_S - 0.1
        assert (OPEN, True) == (setting.breaker.state, setting.is_held_back())
        setting.now_s += 0.1
    assert [OPEN] == setting.changes


async def test_a_cancelled_probe_gives_its_slot_back(setting: Setting) -> None:
    """A probe that was cancelled decides nothing: the next call probes."""
    setting.fail(3)
    setting.now_s += OPEN_S

    async def probe() -> None:
        with setting.breaker.call(OSError):
            await asyncio.Event().wait()

    probing = asyncio.create_task(probe())
    await asyncio.sleep(0)
    assert setting.is_held_back()
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert HALF_OPEN is setting.breaker.state
    setting.succeed()
    assert CLOSED is setting.breaker.state


def test_a_probe_that_fails_in_another_way_gives_its_slot_back(setting: Setting) -> None:
    """An error that says nothing about the dependency leaves the decision to the next probe."""
    setting.fail(3)
    setting.now_s += OPEN_S
    for _ in range(3):
        assert not setting.is_held_back()
    assert HALF_OPEN is setting.breaker.state


def test_calls_that_began_before_it_opened_may_end_after(setting: Setting) -> None:
    """A slow call's failure keeps it open, its success closes it: either is news of the dependency."""
    setting.fail(2)
    with setting.breaker.call(OSError):
        setting.fail()
        assert OPEN is setting.breaker.state
    assert ([OPEN, CLOSED], CLOSED) == (setting.changes, setting.breaker.state)
