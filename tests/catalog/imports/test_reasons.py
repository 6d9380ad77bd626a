"""Why rows did not land: equal reasons together, each bad row with what stands in the file."""

from pathlib import Path

import pytest

from farmlokal.catalog.imports.reasons import BadRow, ReasonCount, Reasons, refused, unreadable
from farmlokal.errors import Fault, InvalidRecord
from tests.catalog.imports.import_support import Importing, mandi_csv, mandi_row

WIRE_HEADER = "external_id,version,name,category,price,unit"


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def test_equal_reasons_are_counted_together() -> None:
    """What stands in the cell makes no difference, nor do numbers; the most frequent reason comes first."""
    reasons = Reasons()
    for line in range(2, 5):
        reasons.note(unreadable(line, InvalidRecord([Fault("Modal Price", f"{line} Rs", "must be a number")])))
    reasons.note(refused(7, "Eggs: 0.08 per kg, where 5.00 is usual"))
    reasons.note(unreadable(8, InvalidRecord([Fault("State", "", "must be given")])))
    reasons.note(refused(9, "Eggs: 1,000.50 per kg, where 5.00 is usual"))
    assert [
        ReasonCount("Modal Price: must be a number, not '2 Rs'", 3, 2, 4),
        ReasonCount("Eggs: 0.08 per kg, where 5.00 is usual", 2, 7, 9),
        ReasonCount("State: must be given, not ''", 1, 8, 8),
    ] == reasons.most_frequent()


def test_ever_new_reasons_do_not_fill_the_memory() -> None:
    """Beyond a thousand kinds, rows are counted without their reason."""
    reasons = Reasons()
    for line in range(1005):
        reasons.note(BadRow(line, "a", f"kind {line}"))
    assert (1000, 5) == (len(reasons.most_frequent()), reasons.uncounted)


async def test_a_whole_file_of_one_fault_is_one_reason(importing: Importing) -> None:
    """Thousands of rows that are wrong in the same way make one line."""
    rows = [mandi_row(Market=f"Market {number}", Modal=f"{number} Rs") for number in range(500)]
    summary = (await importing(mandi_csv(mandi_row(), *rows), batch_rows=100)).summary
    assert [
        ReasonCount("Modal_x0020_Price: must be a plain number of rupees, not '0 Rs'", 500, 3, 502)
    ] == summary.reasons.most_frequent()
    assert (501, 500, 500, 1) == (summary.rows, summary.bad_rows, summary.errors, summary.landed)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (mandi_csv(mandi_row(), mandi_row(Modal="x", Market='"Pimpri, East"'), mandi_row(Modal="9")),
         [(3, 'Maharashtra,Pune,"Pimpri, East",Tomato,Hybrid,FAQ,19/02/2025,1200,1600,x'),
          (4, "Maharashtra,Pune,Pimpri,Tomato,Hybrid,FAQ,19/02/2025,1200,1600,9")]),
        (mandi_csv(mandi_row(), "Goa,North Goa", mandi_row(Market="Karad")), [(3, "Goa,North Goa")]),
        (f"{WIRE_HEADER}\na,1,Okra,vegetables,9,kg\nb,1,Okra,vegetables,-9,kg\n", [(3, "b,1,Okra,vegetables,-9,kg")]),
        ('{"external_id":"a"}\n', [(1, '{"external_id":"a"}')]),
        (f"{WIRE_HEADER}\na,1,Okra,vegetables,9,kg\na,1,Okra,vegetables,8,kg\n",
         [(3, '{"source":"import","external_id":"a","version":1,"name":"Okra","category":"vegetables",'
              '"price_paise":800,"unit":"kg","organic":false}')]),
    ],
    ids=["prices", "too-few-cells", "products", "json", "rejected"],
)  # fmt: skip
async def test_a_bad_row_is_what_the_file_has(importing: Importing, content: str, rows: list[tuple[int, str]]) -> None:
    """The row as it stands there, whether it could not be read or the catalogue rejected what was read of it."""
    imported = await importing(content)
    assert rows == [(bad.line, bad.row) for bad in imported.bad_rows_whole]


async def test_bad_and_rejected_rows_come_in_the_files_order(importing: Importing) -> None:
    """A row that the store rejects stands between two that cannot be read."""
    bad = mandi_row(Modal="x")
    imported = await importing(mandi_csv(mandi_row(), bad, mandi_row(Modal="9"), bad))
    assert [3, 4, 5] == [line for line, _ in imported.bad_rows]
