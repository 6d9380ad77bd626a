"""The prices of each product and day, as market files tell of them: in any order, corrected, never twice."""

from datetime import date
from itertools import permutations
from pathlib import Path

import pytest

from farmlokal.catalog.imports.aliases import load_aliases
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.tags import product_tag
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.price_days import PriceDay, changes, keep_days
from farmlokal.database.interface import Session
from tests.catalog.imports.catalogue_support import Catalogue
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.backends import on_every_backend, on_sqlite

NOON = mandi_csv(mandi_row(), mandi_row(Market="Nashik", Min="0", Max=""))
EVENING = mandi_csv(mandi_row(Min="1250", Modal="1500"), mandi_row(Market="Nashik", Min="0", Max=""))
NEXT_DAY = mandi_csv(mandi_row(Arrival_Date="20/02/2025", Modal="1600", Min="1500", Max="1800"))
DAY_BEFORE = mandi_csv(mandi_row(Arrival_Date="18/02/2025", Modal="1300"))
EPOCH = date(1970, 1, 1)

Told = tuple[str, str, str, int | None, int, int | None]
"""Market, day, unit, and lowest, modal and highest price in paise."""


async def told(catalogue: Catalogue) -> list[Told]:
    """All days of all products that there are, deleted ones too."""
    rows = await catalogue.database.fetch(
        "SELECT market, day, price_days.unit, min_paise, modal_paise, max_paise FROM price_days"
        " JOIN products ON products.id = product_id ORDER BY market, day"
    )
    return [
        (
            market,
            str(date.fromordinal(EPOCH.toordinal() + day)),
            unit,
            *(None if one is None else int(one) for one in paise),
        )
        for market, day, unit, *paise in rows
    ]


NASHIK: Told = ("Nashik", "2025-02-19", "kg", None, 1400, None)
BEFORE: Told = ("Pimpri", "2025-02-18", "kg", 1200, 1300, 1600)
AT_NOON: Told = ("Pimpri", "2025-02-19", "kg", 1200, 1400, 1600)
IN_THE_EVENING: Told = ("Pimpri", "2025-02-19", "kg", 1250, 1500, 1600)
AFTER: Told = ("Pimpri", "2025-02-20", "kg", 1500, 1600, 1800)


@on_sqlite
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
async def test_days_come_in_any_order(catalogue: Catalogue, order: tuple[int, ...]) -> None:
    """Each day is there once, whichever came first and however often; the product shows the last one."""
    files = (DAY_BEFORE, NOON, NEXT_DAY)
    for place in (*order, *order):
        await catalogue.load(files[place])
    assert [NASHIK, BEFORE, AT_NOON, AFTER] == await told(catalogue)
    assert [("2025-02-19",), ("2025-02-20",)] == [(str(row[0])[:10],) for row in await catalogue.offers("created_at")]


@on_every_backend
async def test_a_later_file_of_the_day_corrects_it(catalogue: Catalogue) -> None:
    """Also where the product itself has moved on to another day; the earlier file's return changes nothing."""
    for content in (NOON, NEXT_DAY, EVENING, DAY_BEFORE):
        await catalogue.load(content)
    expected = [NASHIK, BEFORE, IN_THE_EVENING, AFTER]
    assert expected == await told(catalogue)
    await catalogue.load(NOON)
    assert expected == await told(catalogue)


@on_every_backend
async def test_a_file_of_many_days(catalogue: Catalogue) -> None:
    """A file may tell of a product's days in a row: more of them than a statement looks up, and again."""
    days = [date.fromordinal(date(2023, 1, 1).toordinal() + number) for number in range(600)]
    content = mandi_csv(*(mandi_row(Arrival_Date=day.isoformat(), Modal=str(1000 + day.day)) for day in reversed(days)))
    for _ in range(2):
        await catalogue.load(content)
        found = await told(catalogue)
        assert [(day.isoformat(), 1000 + day.day) for day in days] == [(one[1], one[4]) for one in found]


@on_every_backend
async def test_an_older_day_touches_the_product(catalogue: Catalogue) -> None:
    """What is kept of the product's history is not fresh any more; the same once more touches nothing."""
    await catalogue.load(NEXT_DAY)
    ((product_id,),) = await catalogue.offers("id")
    record = ProductRecord(
        *(
            "mandi",
            "maharashtra|pune|pimpri|tomato|hybrid|faq",
            1739923201,
            "Tomato (Hybrid)",
            "vegetables",
            1400,
            "kg",
        ),
        said="the words of a file",
    )
    for tags in (frozenset({product_tag(product_id)}), frozenset()):
        (applied,) = await catalogue.writer.apply([record])
        assert (WriteOutcome.OUTDATED, tags) == (applied.outcome, applied.tags)


@on_every_backend
async def test_a_day_lands_with_its_product_or_not_at_all(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are of one transaction: what ends between them leaves neither, and the next import brings both."""

    class Ended(Exception):
        pass

    async def ended(*_: object, **__: object) -> None:
        raise Ended

    with monkeypatch.context() as patch:
        patch.setattr("farmlokal.catalog.writing.writer.keep_days", ended)
        with pytest.raises(Ended):
            await catalogue.load(NOON)
    assert ([], []) == (await catalogue.offers("id"), await told(catalogue))
    await catalogue.load(NOON)
    assert [NASHIK, AT_NOON] == await told(catalogue)


@on_sqlite
async def test_a_deleted_product_keeps_its_days(catalogue: Catalogue) -> None:
    """They are there when it comes back."""
    await catalogue.load(NOON)
    await catalogue.database.run_script(["UPDATE products SET live = 0"])
    await catalogue.load(NEXT_DAY)
    assert [NASHIK, AT_NOON, AFTER] == await told(catalogue)


@on_every_backend
async def test_a_merged_product_brings_its_days_along(catalogue: Catalogue, tmp_path: Path) -> None:
    """Of a day that both have, what the later file said stays."""
    both = ("Old Yard", "New Yard")
    await catalogue.load(mandi_csv(*(mandi_row(Market=market) for market in both)))
    await catalogue.load(mandi_csv(mandi_row(Market="Old Yard", Modal="1500")))
    for market, day in zip(both, ("16/02/2025", "17/02/2025"), strict=True):
        await catalogue.load(mandi_csv(mandi_row(Market=market, Arrival_Date=day)))
    own = tmp_path / "own.csv"
    own.write_text("kind,state,name,means\nmarket,Maharashtra,Old Yard,New Yard\n")
    await catalogue.load(mandi_csv(mandi_row(Market="New Yard", Arrival_Date="22/02/2025")), aliases=load_aliases(own))
    assert [("2025-02-16", 1400), ("2025-02-17", 1400), ("2025-02-19", 1500), ("2025-02-22", 1400)] == [
        (one[1], one[4]) for one in await told(catalogue)
    ]
    assert [(1,)] == await catalogue.database.fetch("SELECT COUNT(DISTINCT product_id) FROM price_days")


@on_sqlite
async def test_prices_are_for_the_products_unit(catalogue: Catalogue) -> None:
    """Eggs are sold by the piece, whatever stands over the column."""
    await catalogue.load(mandi_csv(mandi_row(Commodity="Egg", Variety="Other", Min="6", Modal="6.5", Max="7")))
    assert [("Pimpri", "2025-02-19", "piece", 600, 650, 700)] == await told(catalogue)


@on_sqlite
async def test_newer_tables_read_a_day_anew(catalogue: Catalogue) -> None:
    """The same words of the same file replace what the tables of before made of them, and no other row does."""
    content = mandi_csv(mandi_row(), mandi_row(Modal="9"))
    await catalogue.load(content)
    await catalogue.database.run_script(
        [
            "UPDATE price_days SET unit = 'piece', modal_paise = 140000",
            "UPDATE products SET digest = substr(digest, 1, 16) || '0000000000000000'",
        ]
    )
    await catalogue.load(content)
    assert [AT_NOON] == await told(catalogue)


@on_sqlite
async def test_a_feed_has_no_days(catalogue: Catalogue) -> None:
    """Only market files tell of days."""
    await catalogue.writer.apply([ProductRecord("coop", "1", 1739923201, "Okra", "vegetables", 2450, "kg")])
    assert [(0,)] == await catalogue.database.fetch("SELECT COUNT(*) FROM price_days")


def test_the_first_of_two_rows_of_a_file_counts() -> None:
    """Whether they come in one batch or in two."""
    first = PriceDay(1, 20_000, 1, 11, "kg", None, 100, None)
    second = first._replace(said=12, modal_paise=200)
    assert {(1, 20_000): first} == changes([first, second], {})
    assert {} == changes([second], {(1, 20_000): first})
    corrected = second._replace(sequence=2)
    assert {(1, 20_000): corrected} == changes([second, corrected], {(1, 20_000): first})


@on_every_backend
async def test_the_largest_price_fits(catalogue: Catalogue) -> None:
    """The column holds whatever a product's price may be."""
    most = PriceDay(1, 2_932_896, 86_399, -(2**31), "kg", 99_999_999_999, 99_999_999_999, 99_999_999_999)

    async def work(session: Session) -> None:
        await keep_days(session, [most, most._replace(product_id=2, day=-719_162, said=2**31 - 1)], known=set())

    await catalogue.database.in_transaction(work)
    rows = await catalogue.database.fetch("SELECT modal_paise, said FROM price_days ORDER BY product_id")
    assert [(99_999_999_999, -(2**31)), (99_999_999_999, 2**31 - 1)] == [(int(row[0]), row[1]) for row in rows]
