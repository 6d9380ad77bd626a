"""The bulkhead: so many at once, a bounded wait for the others, and every slot given back."""

import asyncio

import pytest

from farmlokal.resilience.bulkhead import Bulkhead, BulkheadFull
from tests.support.waiting import until

FREE = "<Bulkhead slots=2 taken=0 waiting=0>"


async def hold(bulkhead: Bulkhead, end: asyncio.Event, wait_max_s: float = 60) -> None:
    """Hold a slot until told."""
    async with bulkhead.slot(wait_max_s):
        await end.wait()


async def test_no_more_than_its_slots_run_at_once() -> None:
    """The third waits for one of the first two, in its turn."""
    bulkhead, first, rest = Bulkhead(2), asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(hold(bulkhead, first)), *(asyncio.create_task(hold(bulkhead, rest)) for _ in range(3))]
    await until(lambda: repr(bulkhead) == "<Bulkhead slots=2 taken=2 waiting=2>")
    first.set()
    await until(lambda: repr(bulkhead) == "<Bulkhead slots=2 taken=2 waiting=1>")
    rest.set()
    await asyncio.gather(*tasks)
    assert FREE == repr(bulkhead)


async def test_the_wait_is_bounded() -> None:
    """Who finds no slot in the stated time is refused, and stands in nobody's way after that."""
    bulkhead, end = Bulkhead(2), asyncio.Event()
    holders = [asyncio.create_task(hold(bulkhead, end)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFull):
        await hold(bulkhead, end, wait_max_s=0.02)
    assert "<Bulkhead slots=2 taken=2 waiting=0>" == repr(bulkhead)
    end.set()
    await asyncio.gather(*holders)
    assert FREE == repr(bulkhead)


async def test_whoever_is_cancelled_leaves_nothing_behind() -> None:
    """A cancelled holder gives its slot back, a cancelled waiter its place."""
    bulkhead, never = Bulkhead(2), asyncio.Event()
    tasks = [asyncio.create_task(hold(bulkhead, never)) for _ in range(5)]
    await until(lambda: repr(bulkhead) == "<Bulkhead slots=2 taken=2 waiting=3>")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert FREE == repr(bulkhead)
