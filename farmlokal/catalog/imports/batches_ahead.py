"""The rows of a file in batches, of which the next is read, in a thread, while one is written."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import islice

from farmlokal.catalog.records import ProductRecord
from farmlokal.errors import InvalidRecord

Row = tuple[int, ProductRecord | InvalidRecord | None]
"""A row's line number and what it is: a record, what is wrong with it, or a price that is not reported."""


async def batches_ahead(
    rows: Iterator[Row], bytes_read: Callable[[], int], batch_rows: int
) -> AsyncGenerator[tuple[list[Row], int], None]:
    """Yields batches of `batch_rows` rows, each with how many bytes of the file had been read by its end.

    Once it is closed (`aclosing`), the thread has ended, and the file may be closed. Raises what reading raises.
    """

    def read() -> tuple[list[Row], int]:
        batch = list(islice(rows, batch_rows))
        return batch, bytes_read() if batch else 0  # of a file without rows nobody asks

    reading = asyncio.create_task(asyncio.to_thread(read))
    try:
        while True:
            batch, read_bytes = await reading
            if not batch:
                return
            reading = asyncio.create_task(asyncio.to_thread(read))
            yield batch, read_bytes
    finally:
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.exception()  # whoever left has another reason to
