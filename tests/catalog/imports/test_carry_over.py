"""Products of earlier releases and of other alias tables: they keep their rows, and those that meet are merged."""

from functools import partial
from pathlib import Path
from typing import Any

from farmlokal.catalog.imports.aliases import load_aliases
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.database.interface import Session
from tests.catalog.imports.catalogue_support import Catalogue
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.backends import on_every_backend

pytestmark = on_every_backend

DAY_S = 24 * 3600
OLD_DAY = 1739923200  # 2025-02-19, which was the whole version
SLUG = "maharashtra-pune-kharar-tomato-hybrid-faq"
SLUG_RENAMED = "maharashtra-pune-kharar-apmc-tomato-hybrid-faq"
RENAMED = mandi_csv(mandi_row(Market="Kharar APMC", Arrival_Date="21/02/2025", Modal="1800"))


def earlier(external_id: str, market: str, version: int = OLD_DAY, **fields: Any) -> ProductRecord:
    """A product as the release before wrote it."""
    required: dict[str, Any] = {"name": "Tomato (Hybrid)", "category": "vegetables", "price_paise": 1400, "unit": "kg"}
    place = {"market": market, "district": "Pune", "state": "Maharashtra"}
    return ProductRecord("mandi", external_id, version, **{**required, **place, **fields})


async def take(stock: StockWriter, name: str, session: Session) -> tuple[frozenset[str], str | None]:
    """Take two of a product."""
    stocks = await stock.lock_in(session, {("mandi", name)})
    change = stocks.change("mandi", name, -2)
    stocks.write()
    return change


async def test_an_earlier_releases_product_keeps_its_row(catalogue: Catalogue) -> None:
    """The renamed market's next file updates the row that was there under the old slug and name."""
    await catalogue.writer.apply([earlier(SLUG, "Kharar", lat=18.5, lon=73.5)])
    before = await catalogue.offers("id")
    assert {WriteOutcome.UPDATED: 1} == await catalogue.tally(RENAMED)
    assert before == await catalogue.offers("id")
    assert [("maharashtra|pune|kharar|tomato|hybrid|faq", 18.5)] == await catalogue.offers("external_id", "lat")


async def test_products_that_were_created_twice_are_merged(catalogue: Catalogue) -> None:
    """Of the old and the renamed product, the newer stays, with the place and the stock that the other had."""
    await catalogue.writer.apply(
        [
            earlier(SLUG, "Kharar", lat=18.5, lon=73.5, stock=4),
            earlier(SLUG_RENAMED, "Kharar APMC", OLD_DAY + DAY_S, price_paise=1700, stock=3),
        ]
    )
    ((kept,),) = [row[:1] for row in await catalogue.offers("id", "version") if row[1] == OLD_DAY + DAY_S]
    assert {WriteOutcome.OUTDATED: 1} == await catalogue.tally(mandi_csv(mandi_row(Market="Kharar")))
    assert [(kept, 18.5, 7)] == await catalogue.offers("id", "lat", "stock")
    assert [True] == [row[0] is not None for row in await catalogue.offers("cell")]


async def test_orders_follow_a_merged_product(catalogue: Catalogue) -> None:
    """An order under either of the former names takes from the product that stayed."""
    await catalogue.writer.apply(
        [
            earlier(SLUG, "Kharar", stock=4),
            earlier(SLUG_RENAMED, "Kharar APMC", OLD_DAY + DAY_S, stock=3),
        ]
    )
    await catalogue.load(RENAMED)
    stock = StockWriter(catalogue.database)
    for name in (SLUG, SLUG_RENAMED, "maharashtra|pune|kharar|tomato|hybrid|faq"):
        tags, refusal = await catalogue.database.in_transaction(partial(take, stock, name))
        assert (True, None) == (bool(tags), refusal)
    assert [(1,)] == await catalogue.offers("stock")


async def test_a_record_under_a_former_name_finds_its_product(catalogue: Catalogue) -> None:
    """An event or a file that still uses the old slug updates the row; both names in one batch are one product."""
    await catalogue.writer.apply([earlier(SLUG, "Kharar")])
    await catalogue.load(RENAMED)
    before = await catalogue.offers("id")
    newer = OLD_DAY + 9 * DAY_S
    applied = await catalogue.writer.apply(
        [
            earlier(SLUG, "Kharar", newer, price_paise=1900),
            earlier("maharashtra|pune|kharar|tomato|hybrid|faq", "Kharar", newer + 1, price_paise=2000),
        ],
        sighting="run-1",
    )
    assert [WriteOutcome.UPDATED, WriteOutcome.UPDATED] == [one.outcome for one in applied]
    assert [(before[0][0], "20.00" if catalogue.database.dialect.name == "mysql" else "2000")] == [
        (row[0], str(row[1])) for row in await catalogue.offers("id", "price")
    ]
    assert before == await catalogue.database.fetch("SELECT product_id FROM sightings")


async def test_an_alias_that_comes_later_merges(catalogue: Catalogue, tmp_path: Path) -> None:
    """An operator who says later that two markets are one gets one product, and both names lead to it."""
    await catalogue.load(mandi_csv(mandi_row(Market="Old Yard"), mandi_row(Market="New Yard", Modal="1300")))
    own = tmp_path / "own.csv"
    own.write_text("kind,state,name,means\nmarket,Maharashtra,Old Yard,New Yard\n")
    content = mandi_csv(mandi_row(Market="Old Yard", Arrival_Date="22/02/2025", Modal="1500"))
    assert {WriteOutcome.UPDATED: 1} == await catalogue.tally(content, aliases=load_aliases(own))
    assert [("maharashtra|pune|new-yard|tomato|hybrid|faq", "Old Yard")] == await catalogue.offers(
        "external_id", "market"
    )


async def test_what_an_earlier_release_writes_beside_us_is_carried_over(catalogue: Catalogue) -> None:
    """Under the same tables as before, too: it may be at work until the upgrade is finished."""
    await catalogue.load(RENAMED)
    before = await catalogue.offers("id")
    await catalogue.writer.apply([earlier(SLUG, "Kharar", OLD_DAY, price_paise=1000)])
    await catalogue.load(mandi_csv(mandi_row(Market="Kharar", Arrival_Date="23/02/2025", Modal="1900")))
    assert before == await catalogue.offers("id")


async def test_a_buried_product_does_not_hide_one_on_offer(catalogue: Catalogue) -> None:
    """Of two that meet, the one on offer stays, even where the other's version is newer."""
    await catalogue.writer.apply(
        [
            earlier(SLUG, "Kharar"),
            earlier(SLUG_RENAMED, "Kharar APMC", OLD_DAY + 9 * DAY_S, price_paise=1700),
        ]
    )
    await catalogue.database.run_script([f"UPDATE products SET live = 0 WHERE external_id = '{SLUG_RENAMED}'"])
    before = await catalogue.offers("id")
    await catalogue.load(RENAMED)
    assert [(before[0][0], OLD_DAY + 2 * DAY_S + 1)] == await catalogue.offers("id", "version")


async def test_thousands_are_carried_over(catalogue: Catalogue) -> None:
    """More products than one transaction takes; those of other sources stay as they are."""
    await catalogue.writer.apply(
        [earlier(f"maharashtra-pune-m{n}-tomato-hybrid-faq", f"M{n}") for n in range(2100)]
        + [earlier("maharashtra-pune-kharar-tomato-hybrid-faq", "Kharar")._replace(source="coop")]
    )
    await catalogue.load(RENAMED)
    names = [row[0] for row in await catalogue.offers("external_id")]
    assert (2102, ["maharashtra-pune-kharar-tomato-hybrid-faq"]) == (
        len(names),
        [name for name in names if "|" not in name],
    )
