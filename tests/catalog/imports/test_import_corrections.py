"""Files of one day, and the same files again: the later one counts, whatever comes again."""

import asyncio
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest

from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.catalog.writing.outcomes import WriteOutcome
from tests.catalog.imports.catalogue_support import Catalogue
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.backends import on_every_backend, on_sqlite

NOON = mandi_csv(mandi_row(), mandi_row(Market="Nashik"))
EVENING = mandi_csv(mandi_row(Modal="1500"), mandi_row(Market="Nashik"), mandi_row(Market="Karad"))
CONFIRMING = mandi_csv(mandi_row(), mandi_row(Market="Nashik"), mandi_row(Market="Satara"))
NEXT_DAY = mandi_csv(mandi_row(Arrival_Date="20/02/2025", Modal="1600"))


@on_every_backend
async def test_the_evening_corrects_the_noon(catalogue: Catalogue) -> None:
    """A later file of the day replaces what differs, which is counted as corrected; the noon's again does nothing."""
    assert {WriteOutcome.CREATED: 2} == await catalogue.tally(NOON)
    expected = {WriteOutcome.CORRECTED: 1, WriteOutcome.UNCHANGED: 1, WriteOutcome.CREATED: 1}
    assert expected == await catalogue.tally(EVENING)
    evening = await catalogue.whole()
    assert {WriteOutcome.OUTDATED: 2} == await catalogue.tally(NOON)
    assert {WriteOutcome.UNCHANGED: 3} == await catalogue.tally(EVENING)
    assert evening == await catalogue.whole()


@on_every_backend
async def test_a_confirmed_price_is_as_new_as_the_file(catalogue: Catalogue) -> None:
    """An import that was ended between two others, and comes again, does not undo what the last one confirmed."""
    ended = mandi_csv(mandi_row(Modal="1450"))
    await catalogue.load(NOON)
    await catalogue.load(ended)
    await catalogue.database.run_script(["DELETE FROM products"])
    await catalogue.load(NOON)  # as if nothing of the second had landed
    assert {WriteOutcome.UNCHANGED: 2, WriteOutcome.CREATED: 1} == await catalogue.tally(CONFIRMING)
    assert {WriteOutcome.OUTDATED: 1} == await catalogue.tally(ended)


@on_every_backend
async def test_places_never_conflict(catalogue: Catalogue) -> None:
    """A place is taken from any import that knows it, by a row of any age, and kept by those that do not."""
    await catalogue.load(NOON)
    assert {WriteOutcome.UPDATED: 1, WriteOutcome.UNCHANGED: 1} == await catalogue.tally(NOON, located=True)
    assert {WriteOutcome.UNCHANGED: 2} == await catalogue.tally(NOON)
    assert {WriteOutcome.UPDATED: 1} == await catalogue.tally(NEXT_DAY)
    assert [(None, None), (18.62, 73.8)] == await catalogue.offers("lat", "lon")
    assert [False, True] == [row[0] is not None for row in await catalogue.offers("cell")]


@on_every_backend
async def test_an_outdated_row_gives_a_place(catalogue: Catalogue) -> None:
    """Where a market is does not grow old: yesterday's file with places gives today's product its own."""
    await catalogue.load(NEXT_DAY)
    assert {WriteOutcome.UPDATED: 1, WriteOutcome.CREATED: 1} == await catalogue.tally(NOON, located=True)
    assert [(None, "2025-02-19"), (18.62, "2025-02-20")] == [
        (lat, str(created)[:10]) for lat, created in await catalogue.offers("lat", "created_at")
    ]


@on_sqlite
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_any_order_gives_one_catalogue(catalogue: Catalogue, order: tuple[int, ...]) -> None:
    """Days in any order, one with places, and all of them once more: the same catalogue."""
    files = [(NOON, False), (NEXT_DAY, True), (mandi_csv(mandi_row(Arrival_Date="18/02/2025")), False)]
    for place in (*order, *order):
        content, located = files[place]
        await catalogue.load(content, located=located)
    expected = [("Nashik", "2025-02-19", None), ("Pimpri", "2025-02-20", 18.62)]
    found = await catalogue.offers("market", "created_at", "lat")
    assert expected == [(market, str(created)[:10], lat) for market, created, lat in found]


@on_sqlite
async def test_newer_tables_read_a_file_anew(catalogue: Catalogue) -> None:
    """The same words under another category replace what the tables of before made of them: nothing is rejected."""
    await catalogue.load(NOON)
    await catalogue.database.run_script(
        ["UPDATE products SET category = 'other', digest = substr(digest, 1, 16) || '0000000000000000'"]
    )
    assert {WriteOutcome.UPDATED: 2} == await catalogue.tally(NOON)
    assert [("vegetables",), ("vegetables",)] == await catalogue.offers("category")


@on_sqlite
async def test_a_file_that_contradicts_itself(catalogue: Catalogue) -> None:
    """Two rows of one product and day with different prices: the first stays, now and when the file comes again."""
    content = mandi_csv(mandi_row(), mandi_row(Modal="9"))
    assert {WriteOutcome.CREATED: 1, WriteOutcome.REJECTED: 1} == await catalogue.tally(content)
    assert {WriteOutcome.UNCHANGED: 1, WriteOutcome.REJECTED: 1} == await catalogue.tally(content)


@on_every_backend
async def test_files_of_one_moment_get_numbers_of_their_own(catalogue: Catalogue) -> None:
    """Imports at the same time never share a sequence, and each digest keeps its own."""
    day = date(2025, 2, 19)
    files = MarketFiles(catalogue.database)
    digests = [f"{number:032x}" for number in range(8)]
    found = await asyncio.gather(*(files.sequences("mandi", {day: digest}) for digest in digests))
    assert [*range(1, 9)] == sorted(one[day] for one in found)
    assert found == [await files.sequences("mandi", {day: digest}) for digest in digests]
    assert day == await files.newest_day("mandi")


@pytest.mark.proof
@on_every_backend
async def test_two_real_days_in_both_orders(catalogue: Catalogue, real_data: Path, tmp_path: Path) -> None:
    """A real day and the day after, made of it, in both orders, with and without places, twice: one catalogue."""
    first = real_data / "mandi-prices-2025-02-19.csv"
    lines = first.read_text().replace("19/02/2025", "20/02/2025").splitlines()
    second = tmp_path / "second.csv"
    second.write_text("\n".join([lines[0], *lines[1::2], ""]))
    located = real_data / "mandi-locations.csv"
    catalogues = []
    for one, other in ((first, second), (second, first)):
        await catalogue.database.run_script([f"DELETE FROM {table}" for table in ("products", "market_files")])
        for _ in range(2):
            await catalogue.load(one, located=located)
            await catalogue.load(other)
            await catalogue.load(one)
            await catalogue.load(other, located=located)
        catalogues.append(await catalogue.whole())
    assert 18_212 == len(catalogues[0])
    assert catalogues[0] == catalogues[1]
