"""Writing the made-up catalogue into the store."""

from collections.abc import Callable
from itertools import islice
from typing import Protocol

from farmlokal.catalog.outcomes import Applied
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed.generator import generate

_BATCH_ROWS = 1000


class RecordStore(Protocol):
    """Where the records go."""

    async def apply(self, changes: list[ProductRecord]) -> list[Applied]:
        """Write `changes` as one batch."""
        ...


async def fill(store: RecordStore, products: int, on_progress: Callable[[int], None]) -> None:
    """Bring seed products 1 to `products` into `store`; what is there already stays as it is."""
    records = generate(1, products)
    done = 0
    while batch := list(islice(records, _BATCH_ROWS)):
        await store.apply(batch)
        done += len(batch)
        on_progress(done)
