"""How a file passes through: lazily, batch by batch, and the second time without effect."""

from itertools import islice
from pathlib import Path

import pytest

from farmlokal.catalog.imports.inputs import file_at
from farmlokal.catalog.imports.reading import open_rows
from farmlokal.catalog.writing.outcomes import WriteOutcome
from tests.catalog.imports.import_support import Importing, mandi_csv, mandi_row


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


async def test_rows_travel_in_batches_and_progress_in_bytes(importing: Importing) -> None:
    """The store gets full batches and a rest; the bytes read grow to the file's size."""
    content = mandi_csv(*(mandi_row(Market=f"Market {number}") for number in range(25)))
    imported = await importing(content, batch_rows=10)
    assert [10, 10, 5] == importing.store.batches
    assert 3 == len(imported.progress)
    assert sorted(imported.progress) == imported.progress
    assert len(content) == imported.progress[-1]
    assert {"run-1"} == importing.store.sightings


async def test_a_second_import_changes_nothing(importing: Importing) -> None:
    """The same file again: every row is unchanged."""
    content = mandi_csv(*(mandi_row(Market=f"Market {number}") for number in range(5)))
    await importing(content)
    before = importing.products
    imported = await importing(content)
    assert {WriteOutcome.UNCHANGED: 5} == imported.summary.tally
    assert before == importing.products
    assert imported.summary.complete


def test_a_file_is_read_only_as_far_as_asked(tmp_path: Path) -> None:
    """After ten rows of a large file, only its beginning has been read."""
    path = tmp_path / "large.csv"
    path.write_text(mandi_csv(*[mandi_row()] * 50_000))
    with file_at(path) as given, open_rows(given, source="import") as rows:
        assert rows.market_rows is not None
        assert 10 == len(list(islice(rows.market_rows, 10)))
        assert rows.bytes_read < 2_000
