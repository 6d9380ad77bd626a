"""The days of market files: which forms are read, and how a file decides between day first and month first."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing, mandi_csv, mandi_row

NOW = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def days(importing: Importing) -> list[str]:
    """The days of the products, in the order of the file."""
    return [(product.created_at or "")[:10] for product in importing.products]


def dated(*dates: str) -> str:
    """A price CSV with a market for each of `dates`."""
    return mandi_csv(*(mandi_row(Arrival_Date=f'"{day}"', Market=f"M{n}") for n, day in enumerate(dates)))


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("15-09-2024", "2024-09-15"),
        ("15.09.2024", "2024-09-15"),
        ("04/04/25", "2025-04-04"),
        ("30-Mar-22", "2022-03-30"),
        ("21 Nov 2021", "2021-11-21"),
        ("2024-09-15", "2024-09-15"),
        ("2024-09-15T00:00:00", "2024-09-15"),
        ("29-Mar-99", "1999-03-29"),
        ("05/04/2025", "2025-04-05"),
        ("05-04-2025", "2025-04-05"),
    ],
)
async def test_forms_of_dates(importing: Importing, written: str, day: str) -> None:
    """Every form that published files have is read; the portal's own two digits have the day first."""
    await importing(dated(written), now=NOW)
    assert [day] == days(importing)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("6/4/2023", "6/14/2023"), ["2023-06-04", "2023-06-14"]),
        (("6/4/2023", "14/6/2023"), ["2023-04-06", "2023-06-14"]),
        (("06/04/2023", "06/14/2023"), ["2023-06-04", "2023-06-14"]),
        (("6/6/2023",), ["2023-06-06"]),
        (("1/12/2026",), ["2026-01-12"]),
        (("12/1/2026",), ["2026-01-12"]),
    ],
)
async def test_the_file_decides_as_a_whole(importing: Importing, dates: tuple[str, ...], expected: list[str]) -> None:
    """One date that can be read in one way alone decides for all; a reading that lies in the future is none."""
    imported = await importing(dated(*dates), now=NOW)
    assert (expected, []) == (days(importing), imported.bad_rows)


async def test_a_slip_is_a_bad_row(importing: Importing) -> None:
    """One impossible date among many of the other form costs its own row."""
    imported = await importing(dated(*(f"{day}/2/2024" for day in range(1, 29)), "2/29/2024"), now=NOW)
    assert (28, [30]) == (len(importing.products), [line for line, _ in imported.bad_rows])


async def test_what_can_be_read_in_two_ways_is_refused(importing: Importing) -> None:
    """The refusal has both readings and says how to choose; nothing is written."""
    with pytest.raises(ImportRefused) as refusal:
        await importing(dated("6/4/2023", "7/4/2023"), now=NOW)
    assert "'6/4/2023' can be 6 April 2023 or 4 June 2023: say --dates day-first or" in str(refusal.value)
    assert [] == importing.products


async def test_dates_that_contradict_each_other_are_refused(importing: Importing) -> None:
    """A file of both forms has none."""
    with pytest.raises(ImportRefused, match="some of its dates can only have the day first, and some only the month"):
        await importing(dated("6/14/2023", "14/6/2023"), now=NOW)


@pytest.mark.parametrize(("day_first", "expected"), [(True, "2023-04-06"), (False, "2023-06-04")])
async def test_the_operator_decides(importing: Importing, day_first: bool, expected: str) -> None:
    """`--dates` reads what the file leaves open."""
    await importing(dated("6/4/2023"), now=NOW, options=MarketOptions(day_first=day_first))
    assert [expected] == days(importing)
