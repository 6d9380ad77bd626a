"""The next rows are read while a batch is written, and reading has ended before the file is closed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

from farmlokal.catalog.imports.batches_ahead import Row, batches_ahead


class Rows:
    """Five rows without a price; `third` is set when the third is asked for, which waits for `go`."""

    def __init__(self) -> None:
        self.read = 0
        self.third = threading.Event()
        self.go = threading.Event()

    def __iter__(self) -> Iterator[Row]:
        """Each row with its number."""
        for number in range(1, 6):
            if number == 3:
                self.third.set()
                self.go.wait(20)
            self.read = number
            yield number, None


async def test_the_next_batch_is_read_meanwhile() -> None:
    """While the first is at hand the second is being read; each says how far reading had come by its end."""
    rows = Rows()
    seen = []
    async with aclosing(batches_ahead(iter(rows), lambda: rows.read * 10, 2)) as batches:
        async for batch, read_bytes in batches:
            assert await asyncio.to_thread(rows.third.wait, 20)
            rows.go.set()
            seen.append(([number for number, _ in batch], read_bytes))
    assert [([1, 2], 20), ([3, 4], 40), ([5], 50)] == seen


async def test_who_leaves_waits_for_the_reading_under_way() -> None:
    """The thread has ended, so that the file may be closed."""
    rows = Rows()
    async with aclosing(batches_ahead(iter(rows), lambda: 0, 2)) as batches:
        async for _ in batches:
            assert await asyncio.to_thread(rows.third.wait, 20)
            rows.go.set()
            break
    assert 4 == rows.read


async def test_a_file_without_rows_has_no_batch() -> None:
    """Nobody is asked how much of it was read."""

    def never() -> int:
        raise AssertionError

    assert [] == [one async for one in batches_ahead(iter(()), never, 2)]
