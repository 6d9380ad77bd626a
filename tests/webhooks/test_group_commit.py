"""Items that arrive together are one batch: when it forms, who waits for whom, and what a caller that leaves leaves."""

import asyncio
from collections.abc import Sequence

import pytest

from farmlokal.webhooks import group_commit
from farmlokal.webhooks.group_commit import GroupCommit


class Bad(Exception):
    """What is wrong with one item."""


class Runs:
    """Batches that go on until they are let go, in the order in which they began."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.cancelled: list[list[int]] = []
        self._goes: list[asyncio.Event] = []
        self._more = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        """Run one batch: each item's result is ten times the item, a negative item's is an error."""
        self.begun.append(list(items))
        self._goes.append(asyncio.Event())
        self._more.set()
        try:
            await self._goes[-1].wait()
        except asyncio.CancelledError:
            self.cancelled.append(list(items))
            raise
        return [item * 10 if item > 0 else Bad(item) for item in items]

    def let_go(self, number: int) -> None:
        """Let one batch end."""
        self._goes[number].set()

    async def until(self, count: int) -> None:
        """Wait until so many batches have begun."""
        while len(self.begun) < count:
            self._more.clear()
            await self._more.wait()


def submit(group: GroupCommit[int, int], *items: int) -> list["asyncio.Task[int]"]:
    """Callers of one item each."""
    return [asyncio.create_task(group.submit(item)) for item in items]


async def test_what_arrives_meanwhile_is_one_batch() -> None:
    """The first begins alone and at once; the others share the next batch, which begins when the first has ended."""
    runs = Runs()
    group = GroupCommit(runs, held_up_s=60)
    first = submit(group, 1)
    await runs.until(1)
    others = submit(group, 2, 3, 4)
    await asyncio.sleep(0)
    assert [[1]] == runs.begun
    runs.let_go(0)
    await runs.until(2)
    assert [10] == await asyncio.gather(*first)
    runs.let_go(1)
    assert [20, 30, 40] == await asyncio.gather(*others)
    assert [[1], [2, 3, 4]] == runs.begun


async def test_a_bad_item_is_its_own_callers_matter() -> None:
    """One caller gets the error, the others their results."""
    runs = Runs()
    group = GroupCommit(runs, held_up_s=60)
    submit(group, 1)
    await runs.until(1)
    others = submit(group, 2, -3, 4)
    await asyncio.sleep(0)
    runs.let_go(0)
    await runs.until(2)
    runs.let_go(1)
    two, three, four = await asyncio.gather(*others, return_exceptions=True)
    assert (20, "-3", 40) == (two, str(three), four)


async def test_a_batch_has_its_greatest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much for one batch comes with the next, in the order of arrival."""
    monkeypatch.setattr(group_commit, "_BATCH_MAX", 3)
    runs = Runs()
    group = GroupCommit(runs, held_up_s=60)
    callers = submit(group, *range(1, 8))
    for number in range(3):
        await runs.until(number + 1)
        runs.let_go(number)
    assert [10 * number for number in range(1, 8)] == await asyncio.gather(*callers)
    assert [[1], [2, 3, 4], [5, 6, 7]] == runs.begun


async def test_of_many_half_wait_for_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that callers who come again at once meet batches of one size, and not all and none by turns."""
    monkeypatch.setattr(group_commit, "_BATCH_WHOLE_MAX", 2)
    runs = Runs()
    group = GroupCommit(runs, held_up_s=60)
    callers = submit(group, *range(1, 10))
    for number in range(4):
        await runs.until(number + 1)
        runs.let_go(number)
    assert [10 * number for number in range(1, 10)] == await asyncio.gather(*callers)
    assert [1, 4, 2, 2] == [len(batch) for batch in runs.begun]


async def test_what_is_held_up_holds_up_nobody_else() -> None:
    """Past its time a batch that waits for a lock has company; there is a limit to how many."""
    runs = Runs()
    group = GroupCommit(runs, held_up_s=0.001)
    callers = []
    for number in range(4):
        callers += submit(group, number + 1)
        await runs.until(number + 1)
    callers += submit(group, 5, 6)
    await asyncio.sleep(0.01)
    assert [[1], [2], [3], [4]] == runs.begun
    runs.let_go(2)
    await runs.until(5)
    assert 30 == await callers[2]
    for number in (0, 1, 3, 4):
        runs.let_go(number)
    assert [10, 20, 30, 40, 50, 60] == await asyncio.gather(*callers)


async def test_who_leaves_takes_nobody_along() -> None:
    """A caller that is cancelled ends neither the batch nor the others' waiting; the last one ends the batch."""
    runs = Runs()
    group = GroupCommit(runs, held_up_s=60)
    (first,) = submit(group, 1)
    await runs.until(1)
    second, third, fourth = submit(group, 2, 3, 4)
    await asyncio.sleep(0)
    fourth.cancel()
    await asyncio.wait({fourth})
    first.cancel()
    await asyncio.wait({first})
    assert [[1]] == runs.cancelled
    await runs.until(2)
    second.cancel()
    await asyncio.wait({second})
    runs.let_go(1)
    assert 30 == await third
    assert ([[1], [2, 3]], [[1]]) == (runs.begun, runs.cancelled)
    assert "<GroupCommit waiting=0 under_way=0>" == repr(group)


async def test_a_batch_that_fails_fails_for_each() -> None:
    """What the batch raises, every one of its callers does."""

    async def fails(_: Sequence[int]) -> list[int | Exception]:
        raise Bad

    group: GroupCommit[int, int] = GroupCommit(fails)
    failed = await asyncio.gather(*submit(group, 1, 2), return_exceptions=True)
    assert [Bad, Bad] == [type(one) for one in failed]
