"""Imports that end before their file does: too many bad rows, or somebody who interrupts."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from farmlokal.catalog.imports.batches_under_way import BATCHES_AT_ONCE
from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing, MemoryOfFiles, MemoryStore, mandi_csv, mandi_row

BAD_ROW = mandi_row(Modal="x")


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def markets(first: int, last: int) -> list[str]:
    """Rows of so many markets."""
    return [mandi_row(Market=f"Market {number}") for number in range(first, last)]


async def test_too_many_bad_rows_end_the_import(importing: Importing) -> None:
    """The batch that has one too many is not written, and nothing after it is read; what landed before stays."""
    content = mandi_csv(*markets(0, 10), BAD_ROW, *markets(10, 18), BAD_ROW, *markets(18, 30))
    stopped = (await importing(content, batch_rows=10, errors_max=1)).summary
    assert (True, False, 2, 10) == (stopped.stopped, stopped.complete, stopped.errors, stopped.landed)
    assert stopped.scope is None
    whole = (await importing(content, batch_rows=10, errors_max=2)).summary
    assert (False, 2, 30) == (whole.stopped, whole.errors, whole.landed)


async def test_what_the_catalogue_rejects_counts_too(importing: Importing) -> None:
    """A row that contradicts another of its file is one that did not land."""
    content = mandi_csv(mandi_row(), mandi_row(Modal="9"), mandi_row(Modal="8"), *markets(0, 5))
    stopped = (await importing(content, batch_rows=3, errors_max=1)).summary
    assert (True, 2, {WriteOutcome.CREATED: 1, WriteOutcome.REJECTED: 2}) == (
        stopped.stopped,
        stopped.errors,
        stopped.tally,
    )


class _SlowStore(MemoryStore):
    """A store that writes nothing until it may go on. writing: as many batches are under way as there may be."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.writing = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def apply(self, changes: Sequence[ProductRecord | Deletion], *, sighting: str | None = None) -> list[Applied]:
        """Writes a batch, slowly."""
        self.begun += 1
        if self.begun == BATCHES_AT_ONCE:
            self.writing.set()
        await self.may_go_on.wait()
        return await super().apply(changes, sighting=sighting)


async def test_an_interrupted_import_ends_after_its_batches(tmp_path: Path) -> None:
    """The batches that are being written are written and counted, and none after them."""
    path = tmp_path / "day.csv"
    path.write_text(mandi_csv(*markets(0, 30)))
    store, summary = _SlowStore(), ImportSummary()
    importing = asyncio.create_task(import_file(path, store, MemoryOfFiles(), batch_rows=10, summary=summary))
    await store.writing.wait()
    importing.cancel()
    await asyncio.sleep(0)
    assert (0, BATCHES_AT_ONCE) == (summary.landed, store.begun)
    store.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert (20, 20, [10, 10]) == (summary.landed, len(store.products), store.batches)


async def test_a_batch_that_fails_is_that_failure(tmp_path: Path) -> None:
    """Interrupted or not: what is wrong with the store is told, and the batch counts for nothing."""
    path = tmp_path / "day.csv"
    path.write_text(mandi_csv(*markets(0, 5)))

    class Broken(MemoryStore):
        async def apply(
            self, changes: Sequence[ProductRecord | Deletion], *, sighting: str | None = None
        ) -> list[Applied]:
            raise LookupError

    summary = ImportSummary()
    with pytest.raises(LookupError):
        await import_file(path, Broken(), MemoryOfFiles(), summary=summary)
    assert 0 == summary.rows


async def test_market_prices_have_a_source_of_their_own(importing: Importing) -> None:
    """`--source` is for products: a file of prices is refused with it, whatever it would be called."""
    path = importing.folder / "day.csv"
    path.write_text(mandi_csv(mandi_row()))
    with pytest.raises(ImportRefused, match="holds market prices, which have a source of their own: no --source"):
        await import_file(path, importing.store, importing.memory, source="coop")
    path.write_text("external_id,version,name,category,price,unit\na,1,Okra,vegetables,9,kg\n")
    await import_file(path, importing.store, importing.memory, source="coop")
    assert ["coop"] == [product.source for product in importing.products]
