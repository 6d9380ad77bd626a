"""Batches that are written beside each other: they end in their order, and what shares a product is written in it."""

import asyncio
from collections.abc import Sequence

import pytest

from farmlokal.catalog.imports.batches_under_way import Batch, BatchesUnderWay
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from tests.catalog.upserting import record

CREATED = Applied(WriteOutcome.CREATED)


def batch(number: int, *products: str) -> Batch:
    """A batch that is known by the bytes read by its end."""
    return Batch([(line, record(name)) for line, name in enumerate(products)], [], 0, number)


class Store:
    """Writes batches when they may be, and notes their beginnings; `ended` has what the batches came to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.may_end = {number: asyncio.Event() for number in range(1, 5)}
        self.failing: set[int] = set()
        self.ended: list[tuple[int, int]] = []

    async def write(self, batch: Batch) -> Sequence[Applied]:
        """Write one, or fail."""
        self.begun.append(batch.read_bytes)
        await self.may_end[batch.read_bytes].wait()
        if batch.read_bytes in self.failing:
            raise LookupError(batch.read_bytes)
        return [CREATED] * len(batch.good)

    def end(self, batch: Batch, applied: Sequence[Applied]) -> None:
        """Note what one came to."""
        self.ended.append((batch.read_bytes, len(applied)))

    def let(self, *numbers: int) -> None:
        """Let these be written."""
        for number in numbers:
            self.may_end[number].set()


@pytest.fixture
async def store() -> Store:
    """A store that writes nothing yet."""
    return Store()


async def _settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_two_are_written_at_once_and_end_in_their_order(store: Store) -> None:
    """The second may be written first: it is counted after the first, and only then the third begins."""
    async with BatchesUnderWay(store.write, store.end, at_once=2) as under_way:
        await under_way.begin(batch(1, "a"))
        await under_way.begin(batch(2, "b", "c"))
        third = asyncio.create_task(under_way.begin(batch(3, "d")))
        store.let(2)
        await _settle()
        assert ([1, 2], []) == (store.begun, store.ended)
        store.let(1)
        await third
        await _settle()
        assert ([1, 2, 3], [(1, 1)]) == (store.begun, store.ended)
        store.let(3)
    assert [(1, 1), (2, 2), (3, 1)] == store.ended


async def test_batches_of_one_product_are_written_one_after_another(store: Store) -> None:
    """The first to say something of a product is the first to be written."""
    async with BatchesUnderWay(store.write, store.end, at_once=2) as under_way:
        await under_way.begin(batch(1, "a", "b"))
        second = asyncio.create_task(under_way.begin(batch(2, "c", "b")))
        await _settle()
        assert [1] == store.begun
        store.let(1, 2)
        await second
    assert ([1, 2], [(1, 2), (2, 2)]) == (store.begun, store.ended)


async def _write_three(store: Store) -> None:
    async with BatchesUnderWay(store.write, store.end, at_once=2) as under_way:
        for number, product in enumerate("abc", start=1):
            await under_way.begin(batch(number, product))


async def test_what_lands_beside_a_failure_is_counted(store: Store) -> None:
    """A batch that fails counts for nothing; the other that is under way is written to its end before that is told."""
    store.failing = {1}
    store.let(1)
    loading = asyncio.create_task(_write_three(store))
    await _settle()
    assert ([1, 2], [(1, 0)], False) == (store.begun, store.ended, loading.done())
    store.let(2)
    with pytest.raises(LookupError, match="1"):
        await loading
    assert ([1, 2], [(1, 0), (2, 1)]) == (store.begun, store.ended)


async def test_who_is_interrupted_hears_of_a_failure(store: Store) -> None:
    """An interruption waits for what is under way, and a failure of it is what is told; both are counted."""
    store.failing = {2}
    loading = asyncio.create_task(_write_three(store))
    await _settle()
    loading.cancel()
    await _settle()
    store.let(1, 2)
    with pytest.raises(LookupError, match="2"):
        await loading
    assert ([1, 2], [(1, 1), (2, 0)]) == (store.begun, store.ended)
