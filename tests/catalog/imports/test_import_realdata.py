"""The portal's own files, where the environment says that they are at hand."""

import csv
from pathlib import Path

import pytest

from farmlokal.catalog.categories import OTHER
from farmlokal.catalog.imports.markets import load_markets
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.outcomes import WriteOutcome
from tests.catalog.imports.import_support import Importing

ROWS = 18_212


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


async def test_a_days_prices_all_land_and_land_once(importing: Importing, real_data: Path) -> None:
    """All 18,212 rows are created, none is bad, and a second import finds each unchanged."""
    prices, locations = real_data / "mandi-prices-2025-02-19.csv", real_data / "mandi-locations.csv"
    first = await importing(prices, locations=locations)
    second = await importing(prices, locations=locations)
    assert (ROWS, {WriteOutcome.CREATED: ROWS}, []) == (first.summary.rows, first.summary.tally, first.bad_rows)
    assert (ROWS, {WriteOutcome.UNCHANGED: ROWS}) == (second.summary.rows, second.summary.tally)
    assert prices.stat().st_size == first.progress[-1]


async def test_pinned_products(importing: Importing, real_data: Path) -> None:
    """Three products of the day, field by field."""
    await importing(real_data / "mandi-prices-2025-02-19.csv", locations=real_data / "mandi-locations.csv")
    found = importing.store.products
    tomato = found["mandi", "andhra-pradesh|chittor|mulakalacheruvu|tomato|local|faq"]
    assert ("Tomato (Local)", "vegetables", 1400) == (tomato.name, tomato.category, tomato.price_paise)
    assert (1739923201, "2025-02-19T00:00:00Z") == (tomato.version, tomato.created_at)
    brinjal = found["mandi", "west-bengal|puruliya|purulia|brinjal|other|faq"]
    assert ("Brinjal", "Purulia", "West Bengal") == (brinjal.name, brinjal.market, brinjal.state)
    assert "Modasar" in {product.market for product in importing.products}


async def test_places_are_those_of_the_market_file(importing: Importing, real_data: Path) -> None:
    """1,154 of 1,451 markets are known by name and 724 of them have a place; every row has its own market's."""
    await importing(real_data / "mandi-prices-2025-02-19.csv", locations=real_data / "mandi-locations.csv")
    markets = {(product.state, product.market) for product in importing.products}
    located = {(product.state, product.market) for product in importing.products if product.lat is not None}
    assert (1451, 724) == (len(markets), len(located))
    assert all((product.lat is None) == (product.lon is None) for product in importing.products)


async def test_a_market_takes_no_other_states_place(importing: Importing, real_data: Path) -> None:
    """Of the names that several states share, only a state that the market file lists under that name has a place."""
    await importing(real_data / "mandi-prices-2025-02-19.csv", locations=real_data / "mandi-locations.csv")
    points = {(product.state, product.market): (product.lat, product.lon) for product in importing.products}
    nowhere = (None, None)
    assert ((25.2138156, 75.8647527), nowhere) == (points["Rajasthan", "Kota"], points["Chattisgarh", "Kota"])
    assert ((25.483333, 80.333333), nowhere) == (points["Uttar Pradesh", "Banda"], points["Madhya Pradesh", "Banda"])
    assert ((20.1783322, 85.1129236), nowhere) == (points["Odisha", "Balugaon"], points["Assam", "Balugaon"])


def test_every_row_of_the_market_file_keeps_its_own_place(real_data: Path) -> None:
    """Each market is found with the point that its own row gives; `NR` and a longitude of 771772288 give none."""
    markets = load_markets(real_data / "mandi-locations.csv")
    with (real_data / "mandi-states.csv").open(encoding="utf-8") as file:
        states = {row["STATECODE"]: row["STATE"] for row in csv.DictReader(file)}
    with (real_data / "mandi-locations.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            missing = "NR" in (row["LATITUDE"], row["LONGITUDE"]) or row["LONGITUDE"] == "771772288"
            expected = None if missing else (float(row["LATITUDE"]), float(row["LONGITUDE"]))
            assert expected == markets.locate(states[row["STATECODE"]], row["MANDINAME"]), row


async def test_few_products_are_left_without_a_category(importing: Importing, real_data: Path) -> None:
    """What remains under `other` is what the catalogue has no category for: fodder, wood, sugar, stimulants, drugs."""

    def is_other(product: ProductRecord) -> bool:
        return product.category == OTHER

    await importing(real_data / "mandi-prices-2025-02-19.csv")
    other = {product.name.split(" (")[0] for product in importing.products if is_other(product)}
    assert {"Betal Leaves", "Gur(Jaggery)", "Rubber", "Wood"} <= other
    assert 0.02 * ROWS > sum(map(is_other, importing.products))
