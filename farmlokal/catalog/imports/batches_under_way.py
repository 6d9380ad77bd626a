"""The batches of a file that are on their way into the store: one is made ready while the database works at another."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Self

from farmlokal.catalog.imports.reasons import BadRow
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.outcomes import Applied
from farmlokal.catalog.writing.versions import Identity

BATCHES_AT_ONCE = 2
"""A third would wait for a core: our process and the database's have one each to work at."""


class Batch(NamedTuple):
    """Rows of a file.

    good: the records to write, and their lines. bad: gets those that the store rejects, too. not_reported: how many
    report no price. read_bytes: how far the file was read by the batch's end.
    """

    good: Sequence[tuple[int, ProductRecord]]
    bad: list[BadRow]
    not_reported: int
    read_bytes: int

    def products(self) -> frozenset[Identity]:
        """The products that it is about."""
        return frozenset([(record.source, record.external_id) for _, record in self.good])


class BatchesUnderWay:
    """Writes batches, some of them at once, and ends them in their order. A context manager: none is left after it.

    Batches that share a product are written one after another, since the first to say something of it counts.
    """

    def __init__(
        self,
        write: Callable[[Batch], Coroutine[Any, Any, Sequence[Applied]]],
        on_end: Callable[[Batch, Sequence[Applied]], None],
        *,
        at_once: int,
    ) -> None:
        """on_end: gets each batch and what became of its good rows, of none where writing it has failed."""
        self._write = write
        self._on_end = on_end
        self._at_once = at_once
        self._under_way: deque[tuple[Batch, frozenset[Identity], asyncio.Task[Sequence[Applied]]]] = deque()

    def __repr__(self) -> str:
        return f"<BatchesUnderWay {len(self._under_way)} at_once={self._at_once}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failure: Exception | None = None
        while self._under_way:  # whatever ends the import: nothing is left half written, and what landed is counted
            try:
                await self._end_oldest()
            except Exception as error:  # raised below, unless we leave with another failure
                failure = failure or error
        if failure is not None and kind in (None, asyncio.CancelledError):
            raise failure

    async def begin(self, batch: Batch) -> None:
        """Begin to write `batch`, as soon as enough others are written. Raises what writing those raises."""
        products = batch.products()
        while len(self._under_way) >= self._at_once or not all(
            products.isdisjoint(others) for _, others, _ in self._under_way
        ):
            await self._end_oldest()
        self._under_way.append((batch, products, asyncio.create_task(self._write(batch))))

    async def end_all(self) -> None:
        """Wait until all are written. Raises what writing raises."""
        while self._under_way:
            await self._end_oldest()

    async def _end_oldest(self) -> None:
        batch, _, writing = self._under_way[0]
        await asyncio.wait([writing])
        self._under_way.popleft()
        applied: Sequence[Applied] = ()
        try:
            applied = writing.result()
        finally:
            self._on_end(batch, applied)
