"""The portal's price CSV: what a row becomes, and what makes a row bad."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.outcomes import WriteOutcome
from tests.catalog.imports.import_support import ALLOWED, Importing, mandi_csv, mandi_row

A_DATE = "must be a date, such as 19/02/2025, 19-02-2025, 2025-02-19 or 19-Feb-25"


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


async def test_a_row_becomes_a_product(importing: Importing) -> None:
    """Every field of the product follows from the row."""
    await importing(mandi_csv(mandi_row()))
    expected = ProductRecord(
        source="mandi",
        external_id="maharashtra|pune|pimpri|tomato|hybrid|faq",
        version=1739923201,
        name="Tomato (Hybrid)",
        category="vegetables",
        price_paise=1400,
        unit="kg",
        market="Pimpri",
        district="Pune",
        state="Maharashtra",
        created_at="2025-02-19T00:00:00Z",
        said="Maharashtra\nPune\nPimpri\nTomato\nHybrid\nFAQ\n19/02/2025\n1200\n1600\n1400\n",
        min_paise=1200,
        max_paise=1600,
    )
    assert [expected] == importing.products


@pytest.mark.parametrize(
    ("rupees_per_quintal", "paise_per_kg"),
    [("1400", 1400), ("2546.66666666667", 2547), ("7.5", 8), ("2.49999999999999999", 2)],
)
async def test_the_price_is_rounded_half_up(importing: Importing, rupees_per_quintal: str, paise_per_kg: int) -> None:
    """Rupees per 100 kg become paise per kg, exactly, with a half going up."""
    await importing(mandi_csv(mandi_row(Modal=rupees_per_quintal)))
    assert [paise_per_kg] == [product.price_paise for product in importing.products]


@pytest.mark.parametrize(
    ("commodity", "variety", "name"),
    [
        ("Banana", "Desi(Bontha)", "Banana (Desi(Bontha))"),
        ("Onion", "Other", "Onion"),
        ("poppy seeds", "Poppy Seeds", "poppy seeds"),
    ],
)
async def test_the_name_drops_a_variety_that_says_nothing(
    importing: Importing, commodity: str, variety: str, name: str
) -> None:
    """The variety stands in brackets unless it is `Other` or the commodity again."""
    await importing(mandi_csv(mandi_row(Commodity=commodity, Variety=variety)))
    assert [name] == [product.name for product in importing.products]


async def test_blanks_are_collapsed(importing: Importing) -> None:
    """Trailing, repeated and quoted line-breaking white space does not reach the product."""
    await importing(mandi_csv(mandi_row(Market="Modasar        "), mandi_row(Market='"Alenellur  \nVFPCK"')))
    assert ["Modasar", "Alenellur VFPCK"] == [product.market for product in importing.products]


async def test_an_unknown_commodity_is_other(importing: Importing) -> None:
    """What the table of commodities does not hold is listed under `other`."""
    await importing(mandi_csv(mandi_row(Commodity="Moon Dust")))
    assert ["other"] == [product.category for product in importing.products]


@pytest.mark.parametrize(
    ("row", "line_and_reason"),
    [
        (
            mandi_row(Arrival_Date="31/02/2025"),
            "Arrival_Date: must be a day that exists, as day/month/year, not '31/02/2025'",
        ),
        (mandi_row(Arrival_Date="yesterday"), f"Arrival_Date: {A_DATE}, not 'yesterday'"),
        (mandi_row(Arrival_Date="01/01/1969"), "Arrival_Date: must not be before 1970, not '01/01/1969'"),
        (mandi_row(Modal="-5"), "Modal_x0020_Price: must not be negative, not '-5'"),
        (mandi_row(Modal="cheap"), "Modal_x0020_Price: must be a plain number of rupees, not 'cheap'"),
        (mandi_row(Modal="NaN"), "Modal_x0020_Price: must be a plain number of rupees, not 'NaN'"),
        (mandi_row(Modal=""), "Modal_x0020_Price: must be given, not ''"),
        (mandi_row(Modal="999999999990"), "Modal_x0020_Price: must be at most 99999999999, not '999999999990'"),
        (mandi_row(Min="x"), "Min_x0020_Price: must be a plain number of rupees, not 'x'"),
        (mandi_row(Market="  "), "Market: must be given, not ''"),
        (mandi_row(Market="(!)"), "Market: must hold a letter or a digit, not '(!)'"),
        (mandi_row(Market="a\x07b"), f"Market: must not hold U+0007 (a control character): {ALLOWED}, not 'a\\x07b'"),
        (mandi_row(Market="x" * 101), f"Market: must have at most 100 characters, not '{'x' * 80}'"),
        (mandi_row(Modal="1400,1"), "cell 11: must not be there: the header ends with Modal_x0020_Price, not '1'"),
        (mandi_row(State='Maharashtra""', District='"Pune'), None),
    ],
)
async def test_a_bad_row_is_reported_and_the_others_land(
    importing: Importing, row: str, line_and_reason: str | None
) -> None:
    """The row's own line number and reason are reported, and the rows around it are imported."""
    imported = await importing(mandi_csv(mandi_row(), row, mandi_row(Market="Nashik")))
    assert [3] == [line for line, _ in imported.bad_rows]
    if line_and_reason is not None:
        assert [(3, line_and_reason)] == imported.bad_rows
    assert ["Pimpri", "Nashik"] == [product.market for product in importing.products]
    assert (3, 1, False) == (imported.summary.rows, imported.summary.bad_rows, imported.summary.complete)


async def test_every_fault_of_a_row_is_named(importing: Importing) -> None:
    """A row with two wrong cells gets one report that names both."""
    imported = await importing(mandi_csv(mandi_row(Market="", Modal="x")))
    expected = "Market: must be given, not ''; Modal_x0020_Price: must be a plain number of rupees, not 'x'"
    assert [(2, expected)] == imported.bad_rows


async def test_a_missing_cell_names_its_column(importing: Importing) -> None:
    """A row that is too short is reported with the first column that it lacks."""
    imported = await importing(mandi_csv(mandi_row(), "Goa,North Goa,Mapusa", mandi_row(Market="Nashik")))
    assert [(3, "Commodity: must be given: the row has 3 of 10 cells, not ''")] == imported.bad_rows


async def test_an_identity_that_is_too_long_is_rejected(importing: Importing) -> None:
    """An external_id of more than 191 characters is a bad row, not a cut one that could meet another's."""
    imported = await importing(mandi_csv(mandi_row(), mandi_row(Market="m" * 90, District="d" * 90)))
    assert [3] == [line for line, _ in imported.bad_rows]
    assert "Grade: must have at most 191 characters, has 211" in imported.bad_rows[0][1]


async def test_line_numbers_count_physical_lines(importing: Importing) -> None:
    """A cell with line breaks and a blank line shift the numbers of the rows after them."""
    imported = await importing(mandi_csv(mandi_row(Market='"New\n\nMarket"'), mandi_row(Market="")))
    assert [5] == [line for line, _ in imported.bad_rows]


async def test_two_stray_quotes_cost_two_rows(importing: Importing) -> None:
    """Rows between two quotes that were never closed are not swallowed."""
    rows = [mandi_row(Market=f"Market {number}") for number in range(20)]
    rows[3] = rows[15] = mandi_row(Market='"Pimpri')
    imported = await importing(mandi_csv(*rows))
    assert [5, 17] == [line for line, _ in imported.bad_rows]
    assert 18 == imported.summary.tally[WriteOutcome.CREATED]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_break", [b"\n", b"\r\n"])
async def test_byte_order_mark_and_line_breaks_do_not_matter(
    importing: Importing, mark: bytes, line_break: bytes
) -> None:
    """A file that passed through a spreadsheet gives the same product."""
    await importing(mark + mandi_csv(mandi_row()).encode().replace(b"\n", line_break))
    assert [("Tomato (Hybrid)", 1400)] == [(item.name, item.price_paise) for item in importing.products]


async def test_columns_may_come_in_another_order_and_spelling(importing: Importing) -> None:
    """Columns are found by name, `_x0020_` or blank, and one that the portal added is passed over."""
    header = "Modal Price,Max Price,Min Price,Arrival_Date,Grade,Variety,Commodity,Market,District,State,Commodity_Code"
    await importing(f"{header}\n1400,1600,1200,19/02/2025,FAQ,Hybrid,Tomato,Pimpri,Pune,Maharashtra,65\n")
    assert [("mandi", "maharashtra|pune|pimpri|tomato|hybrid|faq")] == list(importing.store.products)


async def test_a_line_that_is_not_utf8_is_a_bad_row(importing: Importing) -> None:
    """One wrongly encoded line of a file that is UTF-8 elsewhere is reported by its number; the rest lands."""
    content = (
        mandi_csv(mandi_row(Market="पुणे"), mandi_row(Market="Nashik"), mandi_row(Market="Karad"))
        .encode()
        .replace(b"Nashik", b"N\xe4shik")
    )
    imported = await importing(content)
    assert [3] == [line for line, _ in imported.bad_rows]
    assert "must be UTF-8 (byte 19 is not)" in imported.bad_rows[0][1]
    assert 2 == imported.summary.tally[WriteOutcome.CREATED]


async def test_a_second_day_replaces_the_first(importing: Importing) -> None:
    """The date is the version: a later file updates the price, an older one has no effect."""
    await importing(mandi_csv(mandi_row()))
    later = await importing(mandi_csv(mandi_row(Arrival_Date="20/02/2025", Modal="1500")))
    older = await importing(mandi_csv(mandi_row(Arrival_Date="18/02/2025")))
    assert {WriteOutcome.UPDATED: 1} == later.summary.tally
    assert {WriteOutcome.OUTDATED: 1} == older.summary.tally
    assert [1500] == [product.price_paise for product in importing.products]


async def test_a_contradicting_row_is_rejected_with_its_line(importing: Importing) -> None:
    """Two rows of one identity and day with different prices: the second is reported as the store rejects it."""
    imported = await importing(mandi_csv(mandi_row(), mandi_row(Modal="9"), mandi_row()))
    assert [(3, "this version had other content")] == imported.bad_rows
    assert {WriteOutcome.CREATED: 1, WriteOutcome.REJECTED: 1, WriteOutcome.UNCHANGED: 1} == imported.summary.tally
    assert not imported.summary.complete


async def test_a_day_that_has_not_come_is_a_bad_row(importing: Importing) -> None:
    """A day may be ahead by one, for clocks and time zones; a later one would be the newest until it comes."""
    rows = [mandi_row(Arrival_Date=day, Market=day) for day in ("22/11/2026", "23/11/2026", "24/11/2026", "01/01/2099")]
    imported = await importing(mandi_csv(*rows), now=datetime(2026, 11, 22, 10, 15, tzinfo=UTC))
    detail = "Arrival_Date: must not lie more than a day in the future"
    assert [(4, f"{detail}, not '24/11/2026'"), (5, f"{detail}, not '01/01/2099'")] == imported.bad_rows
    assert ["22/11/2026", "23/11/2026"] == [product.market for product in importing.products]


async def test_unknown_commodities_are_counted(importing: Importing) -> None:
    """By name, save those that the table itself has in `other`."""
    rows = [
        mandi_row(Commodity=name, Market=f"M{number}") for number, name in enumerate(["Moon Dust"] * 2 + ["Tomato"])
    ]
    imported = await importing(mandi_csv(*rows))
    assert (2, {"Moon Dust": 2}) == (imported.summary.unknown_rows, imported.summary.unknown_categories)
    assert imported.summary.complete


async def test_joiners_blanks_and_layout_in_cells(importing: Importing) -> None:
    """A spelling with joiners has the identity of the one without; odd blanks and tabs are blanks, also by numbers."""
    market = '"\u00a0Pimpri\tNew\u3000Market\u200d "'
    await importing(mandi_csv(mandi_row(Market=market, Modal="\u00a01400\u00a0")))
    again = await importing(mandi_csv(mandi_row(Market="Pimpri New Market", Arrival_Date="20/02/2025")))
    assert {WriteOutcome.UPDATED: 1} == again.summary.tally
    refused = await importing(mandi_csv(mandi_row(), mandi_row(Market="a\x1cb"), mandi_row(Variety="\u202ex")))
    assert [3, 4] == [line for line, _ in refused.bad_rows]
    assert f"must not hold U+001C (a control character): {ALLOWED}" in refused.bad_rows[0][1]
