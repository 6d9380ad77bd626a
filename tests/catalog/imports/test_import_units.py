"""What a market's price is for, which prices are plausible, and which are none."""

from pathlib import Path

import pytest

from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.units import unit_of
from farmlokal.catalog.writing.outcomes import WriteOutcome
from tests.catalog.imports.import_support import Importing, mandi_csv, mandi_row

REJECTING = MarketOptions(reject_implausible=True)


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


@pytest.mark.parametrize(
    ("commodity", "rupees", "unit", "paise"),
    [
        ("Egg", "7.5", "piece", 750),
        ("Cow", "27000", "animal", 2_700_000),
        ("Milk", "60", "litre", 6000),
        ("Tomato", "1400", "kg", 1400),
    ],
)
async def test_a_commodity_has_its_unit(
    importing: Importing, commodity: str, rupees: str, unit: str, paise: int
) -> None:
    """Eggs are sold by the piece, animals by the head, and most things by the quintal, which is shown as kilograms."""
    await importing(mandi_csv(mandi_row(Commodity=commodity, Modal=rupees)))
    assert [(unit, paise)] == [(product.unit, product.price_paise) for product in importing.products]


@pytest.mark.parametrize(
    ("commodity", "said", "unit"),
    [
        ("Tomato", "Rs./Quintal", ("kg", 100)),
        ("Egg", "Rs./Quintal", ("piece", 1)),
        ("Egg", "Rs./Dozen", ("dozen", 1)),
        ("Tomato", "per Kg", ("kg", 1)),
        ("Tomato", "Rs. / Unit", ("piece", 1)),
    ],
)
def test_a_unit_that_the_form_names_is_believed(commodity: str, said: str, unit: tuple[str, int]) -> None:
    """Anything but the quintal, which stands over every column of the portal's reports."""
    assert unit == unit_of(commodity, said)


@pytest.mark.parametrize("said", ["Basket", "MT", "mt", "t", "Ton", "Doz", "pcs", "Pkt", "Bag", "gr", "ct"])
def test_an_unknown_unit_is_refused(said: str) -> None:
    """The refusal lists what there is: nothing is guessed, where libraries know units of these names."""
    with pytest.raises(ValueError, match="must be one of quintal, kg, piece, dozen, litre, animal"):
        unit_of("Tomato", f"Rs./{said}")


async def test_a_price_of_zero_is_not_reported(importing: Importing) -> None:
    """A modal price of 0 makes no product and no bad row; 0 as lowest or highest beside one is ordinary."""
    rows = [mandi_row(Modal="0"), mandi_row(Market="A", Min="0"), mandi_row(Market="B", Max="0")]
    imported = await importing(mandi_csv(*rows))
    assert ["A", "B"] == [product.market for product in importing.products]
    assert (3, 1, 0, True) == (
        imported.summary.rows,
        imported.summary.not_reported,
        imported.summary.bad_rows,
        imported.summary.complete,
    )


async def test_a_price_out_of_all_proportion_is_spoken_of(importing: Importing) -> None:
    """The table of usual prices knows what a tender coconut costs by the kilogram: the row lands, and is named."""
    rows = [mandi_row(Commodity="Tender Coconut", Modal=price, Market=price) for price in ("45", "3000")]
    imported = await importing(mandi_csv(*rows))
    assert [(2, "Tender Coconut (Hybrid): 0.45 per kg, where 30.00 is usual")] == imported.implausible
    assert (1, {WriteOutcome.CREATED: 2}) == (imported.summary.implausible, imported.summary.tally)


async def test_a_price_out_of_all_proportion_is_rejected_if_asked(importing: Importing) -> None:
    """`--reject-implausible` makes it a bad row, in the words of the file."""
    rows = [mandi_row(Commodity="Tender Coconut", Modal=price, Market=price) for price in ("45", "3000")]
    imported = await importing(mandi_csv(*rows), options=REJECTING)
    reason = "Modal_x0020_Price: must be plausible (0.45 per kg, where 30.00 is usual), not '45'"
    assert ([(2, reason)], [3000]) == (imported.bad_rows, [product.price_paise for product in importing.products])


async def test_what_is_usual_is_learnt(importing: Importing) -> None:
    """Five prices of a file make a median, which the next file's are measured by; four do not."""
    rows = [mandi_row(Commodity="Moon Dust", Modal=str(price), Market=str(price)) for price in range(900, 905)]
    await importing(mandi_csv(*rows[:4]))
    assert {} == importing.memory.prices
    await importing(mandi_csv(*rows))
    assert {("moon-dust", "kg"): 902} == importing.memory.prices
    later = [mandi_row(Commodity="Moon Dust", Modal=p, Market=p, Arrival_Date="20/02/2025") for p in ("90", "91")]
    imported = await importing(mandi_csv(*later))
    assert [(2, "Moon Dust (Hybrid): 0.90 per kg, where 9.02 is usual")] == imported.implausible
