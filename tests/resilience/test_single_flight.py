"""One run of the work per key, and nobody's cancellation is anybody else's."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from farmlokal.resilience.single_flight import SingleFlight

CALLERS = 1000


class Work:
    """Work that waits to be let go, and counts how often it ran and how often it was cancelled."""

    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> str:
        """The result, once the gate is open."""
        self.runs += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fault is not None:
            raise self.fault
        return f"result {self.runs}"


@contextmanager
def nothing_unseen() -> Iterator[None]:
    """Fail when asyncio complains, inside the block, of an error that nobody looked at."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    yield
    loop.set_exception_handler(None)
    assert [] == complaints


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_without_the_guard_every_caller_runs_the_work() -> None:
    """What single-flight is for: a thousand callers at once are a thousand runs."""
    work = Work()
    work.gate.set()
    await asyncio.gather(*(work() for _ in range(CALLERS)))
    assert CALLERS == work.runs


async def test_a_thousand_callers_are_one_run() -> None:
    """All get the one result; one of them led, and the next caller runs the work anew."""
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    calls = [asyncio.create_task(flights.run("key", work)) for _ in range(CALLERS)]
    await settle()
    assert (1, "<SingleFlight in_flight=1>") == (len(flights), repr(flights))
    work.gate.set()
    flown = await asyncio.gather(*calls)
    assert (1, {"result 1"}) == (work.runs, {result for result, _ in flown})
    assert [False, *[True] * (CALLERS - 1)] == [follower for _, follower in flown]
    assert 0 == len(flights)
    assert ("result 2", False) == await flights.run("key", work)


async def test_other_keys_are_not_waited_for() -> None:
    """Work for one key goes on while another key's hangs."""
    flights: SingleFlight[str] = SingleFlight()
    hanging, quick = Work(), Work()
    quick.gate.set()
    call = asyncio.create_task(flights.run("slow", hanging))
    await settle()
    assert "result 1" == (await flights.run("quick", quick)).result
    hanging.gate.set()
    await call


@pytest.mark.parametrize("victim", [0, 1, 2], ids=["leader", "follower", "last"])
async def test_a_cancelled_caller_cancels_nobody_else(victim: int) -> None:
    """Whoever is cancelled, the leader included, is alone: the work goes on and the others get its result."""
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    calls = [asyncio.create_task(flights.run("key", work)) for _ in range(3)]
    await settle()
    calls[victim].cancel()
    await settle()
    assert (True, 1) == (calls[victim].cancelled(), len(flights))
    work.gate.set()
    others = [call for number, call in enumerate(calls) if number != victim]
    assert ["result 1"] * 2 == [flown.result for flown in await asyncio.gather(*others)]
    assert (1, 0, 0) == (work.runs, work.cancelled, len(flights))


async def test_work_that_everybody_left_ends_by_itself() -> None:
    """With every caller cancelled the work still finishes, for the cache; even its failure is nobody's complaint."""
    for fault in (None, ValueError("nobody hears it")):
        flights: SingleFlight[str] = SingleFlight()
        work = Work()
        work.fault = fault
        with nothing_unseen():
            calls = [asyncio.create_task(flights.run("key", work)) for _ in range(3)]
            await settle()
            for call in calls:
                call.cancel()
            await settle()
            assert 1 == len(flights)
            work.gate.set()
            await settle()
            calls.clear()
        assert (1, 0, 0) == (work.runs, work.cancelled, len(flights))


async def test_every_caller_gets_the_failure() -> None:
    """Work that raises raises in each caller; nothing of it stays, and the next caller tries again."""
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    work.fault = ValueError("the origin is away")
    with nothing_unseen():
        calls = [asyncio.create_task(flights.run("key", work)) for _ in range(100)]
        await settle()
        work.gate.set()
        failures = await asyncio.gather(*calls, return_exceptions=True)
    assert [work.fault] * 100 == failures
    assert (1, 0) == (work.runs, len(flights))
    work.fault = None
    assert "result 2" == (await flights.run("key", work)).result


async def test_draining_waits_for_the_work_under_way() -> None:
    """What finishes in time is let finish."""
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    call = asyncio.create_task(flights.run("key", work))
    await settle()
    asyncio.get_running_loop().call_later(0.05, work.gate.set)
    await flights.drain(5)
    assert "result 1" == (await call).result
    await flights.drain(5)


async def test_draining_cancels_what_does_not_finish() -> None:
    """What hangs is ended after the stated time, its callers are told, and no task is left."""
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    call = asyncio.create_task(flights.run("key", work))
    await settle()
    await flights.drain(0.05)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (1, 0) == (work.cancelled, len(flights))
