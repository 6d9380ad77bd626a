"""Writing the made-up catalogue into the store."""

from collections.abc import Callable
from itertools import islice
from typing import Protocol

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.outcomes import Applied

# One INSERT of about 700 KB, below what every server takes by default: more rows are no faster.
_BATCH_ROWS = 2000


class RecordStore(Protocol):
    """Where the records go."""

    async def apply(self, changes: list[ProductRecord]) -> list[Applied]:
        """Write `changes` as one batch."""
        ...


async def fill(store: RecordStore, numbers: range, on_progress: Callable[[int], None]) -> None:
    """Bring the seed products of `numbers`, a range without gaps, into `store`; what is there stays as it is.

    on_progress: called after each batch with how many of `numbers` are done.
    """
    records = generate(numbers.start, len(numbers))
    done = 0
    while batch := list(islice(records, _BATCH_ROWS)):
        await store.apply(batch)
        done += len(batch)
        on_progress(done)
