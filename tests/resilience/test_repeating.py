"""Repeated background work: when it is done, and that no failure ends it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest
import structlog
from structlog.testing import capture_logs

from farmlokal.errors import DatabaseUnavailable, FarmLokalError, NotFound
from farmlokal.resilience.repeating import every

_log = structlog.stdlib.get_logger(__name__)
FAILED = "not counted"


class Clock:
    """Time that passes only by waiting; the wait that would exceed `turns` waits is cancelled, as at a shutdown."""

    def __init__(self, turns: int) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []
        self._turns = turns

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        if len(self.waits_s) == self._turns:
            raise asyncio.CancelledError
        self.waits_s.append(seconds)
        self.now_s += seconds


async def run(
    clock: Clock,
    work: Callable[[], Awaitable[object]],
    *,
    interval_s: float | Callable[[], float] = 10.0,
    **options: object,
) -> None:
    """Repeat `work` until the clock ends it."""
    with pytest.raises(asyncio.CancelledError):
        await every(interval_s, work, log=_log, failed=FAILED, sleep=clock.sleep, **options)  # type: ignore[arg-type]


async def test_it_begins_at_once_and_waits_between_turns() -> None:
    """The first turn is at second 0, each further one an interval after the one before has ended."""
    clock = Clock(turns=3)
    begun_s: list[float] = []

    async def work() -> None:
        begun_s.append(clock.now_s)
        clock.now_s += 2  # the turn takes two seconds

    await run(clock, work, jitter=0.0)
    assert [0.0, 12.0, 24.0, 36.0] == begun_s


async def test_the_first_turn_can_wait() -> None:
    """Where the work was just done otherwise, the first turn comes after an interval."""
    clock = Clock(turns=2)
    begun_s: list[float] = []

    async def work() -> None:
        begun_s.append(clock.now_s)

    await run(clock, work, jitter=0.0, wait_first=True)
    assert [10.0, 20.0] == begun_s


@pytest.mark.parametrize(("drawn", "wait_s"), [(0.0, 10.0), (0.5, 9.5), (0.999999, 9.00001)])
async def test_jitter_shortens_a_wait_by_a_share_of_the_interval(drawn: float, wait_s: float) -> None:
    """Of 10 s and a jitter of a tenth a wait has 9 to 10 s, and is never longer than the interval."""
    clock = Clock(turns=1)
    await run(clock, _nothing, jitter=0.1, draw=lambda: drawn)
    assert [pytest.approx(wait_s)] == clock.waits_s


async def test_processes_that_start_together_do_not_stay_together() -> None:
    """With randomness as it is, the waits of two loops differ, within the bounds of the default jitter."""
    clocks = Clock(turns=20), Clock(turns=20)
    for clock in clocks:
        await run(clock, _nothing)
    assert clocks[0].waits_s != clocks[1].waits_s
    assert all(9.0 <= wait_s <= 10.0 for clock in clocks for wait_s in clock.waits_s)


async def test_the_interval_may_depend_on_what_the_work_found() -> None:
    """A callable is asked before each wait."""
    clock = Clock(turns=3)
    intervals_s: Iterator[int] = count(1)
    await run(clock, _nothing, interval_s=lambda: float(next(intervals_s)), jitter=0.0)
    assert [1.0, 2.0, 3.0] == clock.waits_s


def _reported() -> DatabaseUnavailable:
    error = DatabaseUnavailable("gone")
    error.reported = True
    return error


@pytest.mark.parametrize(
    ("error", "level"),
    [(NotFound("gone"), "warning"), (DatabaseUnavailable("gone"), "warning"), (_reported(), "debug")],
    ids=["ours", "unreported", "reported"],
)
async def test_an_error_of_ours_is_logged_and_the_work_goes_on(error: FarmLokalError, level: str) -> None:
    """Each failed turn is one line: a warning, unless the log has it already that the dependency is away."""
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1
        raise error

    with capture_logs() as lines:
        await run(Clock(turns=1), work)
    assert 2 == turns
    assert [{"event": FAILED, "log_level": level, "reason": "gone"}] * 2 == lines


async def test_an_error_of_the_program_is_logged_with_its_traceback_and_the_work_goes_on() -> None:
    """A bug in one turn does not end the background work for good, and is seen."""
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise ZeroDivisionError

    with capture_logs() as lines:
        await run(Clock(turns=2), work)
    assert 3 == turns
    assert [(FAILED, "error", True)] == [(line["event"], line["log_level"], line["exc_info"]) for line in lines]


async def test_cancelling_ends_it_in_a_turn_and_in_a_wait() -> None:
    """Whatever it is at, a cancellation ends it at once."""
    for interval_s, work in ((3600.0, _nothing), (0.0, asyncio.Event().wait)):
        task = asyncio.create_task(every(interval_s, work, log=_log, failed=FAILED))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def _nothing() -> None:
    pass
