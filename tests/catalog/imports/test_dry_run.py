"""A dry run says what an import would do, and leaves every table as it is."""

from typing import Any

from farmlokal.catalog.imports import removals
from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.imports.removals import Replaced, turn_of_the_second
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.writing.dry_run import DryRunWriter, UnchangedMarketFiles
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.database.interface import Database
from tests.catalog.imports.catalogue_support import Catalogue
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.backends import on_every_backend, on_sqlite

NOON = mandi_csv(mandi_row(), mandi_row(Market="Nashik"), mandi_row(Market="Karad"))
EVENING = mandi_csv(
    mandi_row(Modal="1500"), mandi_row(Market="Nashik"), mandi_row(Market="Satara"), mandi_row(Modal="x")
)
TABLES = (
    *("products", "farms", "market_files", "usual_prices", "identity_tables", "product_identities", "sightings"),
    "price_days",
)


async def tables(database: Database) -> dict[str, list[Any]]:
    """All that is stored, table by table."""
    return {table: sorted(map(repr, await database.fetch_unlimited(f"SELECT * FROM {table}"))) for table in TABLES}


async def dry(catalogue: Catalogue, content: str, sighting: str | None = None) -> ImportSummary:
    """What importing `content` would come to."""
    path = catalogue.locations.with_name("dry.csv")
    path.write_text(content)
    writer, files = DryRunWriter(catalogue.database), UnchangedMarketFiles(catalogue.database)
    return await import_file(path, writer, files, sighting=sighting)


@on_every_backend
async def test_a_dry_run_counts_what_an_import_does(catalogue: Catalogue) -> None:
    """The same outcomes of the same rows, for the first file, its correction, and each of them again."""
    for content in (NOON, EVENING, NOON, EVENING):
        before = await tables(catalogue.database)
        foreseen = await dry(catalogue, content)
        assert before == await tables(catalogue.database)
        done = await catalogue.load(content)
        assert (done.tally, done.reasons.most_frequent()) == (foreseen.tally, foreseen.reasons.most_frequent())


@on_every_backend
async def test_a_dry_run_counts_what_would_be_deleted(catalogue: Catalogue) -> None:
    """What the file lacks of its markets is counted, or refused, and stays; so is what would expire."""
    kinds = [mandi_row(Variety=kind) for kind in ("Hybrid", "Local", "Desi", "Red")]
    await catalogue.load(mandi_csv(*kinds, mandi_row(Market="Nashik", Arrival_Date="01/01/2025")))
    before = await tables(catalogue.database)
    writer = DryRunWriter(catalogue.database)
    began = await turn_of_the_second()
    run = await removals.new_sighting(catalogue.database, began)
    summary = await dry(catalogue, mandi_csv(*kinds[:3], mandi_row(Modal="1500", Arrival_Date="20/02/2025")), run)
    for share_max, expected in ((0.5, Replaced(1)), (0.2, None)):
        found = await removals.replace(
            catalogue.database, [summary], run, began=began, share_max=share_max, only_count=True
        )
        assert expected == (found if found.refusal is None else None)
    assert 1 == await removals.expire(catalogue.database, 30, only_count=True)
    await writer.sightings.forget(run)
    assert before == await tables(catalogue.database)


@on_sqlite
async def test_products_that_wait_for_other_names_are_spoken_of(catalogue: Catalogue) -> None:
    """Where an import would first rename products, a dry run cannot know them by their new names, and says so."""
    files = UnchangedMarketFiles(catalogue.database)
    await files.carry_over("mandi", "tables", lambda *_: None)
    assert not files.renames  # there are none
    await catalogue.load(NOON)
    await files.carry_over("mandi", "other tables", lambda *_: None)
    assert files.renames


@on_sqlite
async def test_sightings_of_runs_that_were_killed_are_dropped(catalogue: Catalogue) -> None:
    """A week later the next replacing import forgets them; a younger run may still be at work."""
    began = await turn_of_the_second()
    await catalogue.load(NOON, sighting="import-20250101T000000-killed")
    await catalogue.load(NOON, sighting=f"import-{began:%Y%m%dT%H%M%S}-young")
    await catalogue.load(NOON, sighting="sync-1")
    await removals.new_sighting(catalogue.database, began)
    runs = await catalogue.database.fetch("SELECT DISTINCT run FROM sightings ORDER BY run")
    assert [(f"import-{began:%Y%m%dT%H%M%S}-young",), ("sync-1",)] == runs


@on_sqlite
async def test_a_file_that_was_seen_keeps_its_number(catalogue: Catalogue) -> None:
    """The sequence of a day is foreseen, and not taken."""
    await catalogue.load(NOON)
    files, unchanged = MarketFiles(catalogue.database), UnchangedMarketFiles(catalogue.database)
    when = await files.newest_day("mandi")
    assert when is not None
    for _ in range(2):
        assert {when: 2} == await unchanged.sequences("mandi", {when: "f" * 32})
    assert {when: 2} == await files.sequences("mandi", {when: "f" * 32})
    assert {when: 3} == await unchanged.sequences("mandi", {when: "e" * 32})
