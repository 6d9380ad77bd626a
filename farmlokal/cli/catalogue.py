"""`farmlokal init-db`, `seed` and `import`: making the catalogue and filling it."""

import sys
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from farmlokal.app.command_invalidation import send_invalidation
from farmlokal.app.resources import wait_for_database
from farmlokal.app.webhooks import wake_waiting_events
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.catalog.categories import OTHER
from farmlokal.catalog.imports import removals
from farmlokal.catalog.imports.aliases import load_aliases
from farmlokal.catalog.imports.forms.mapping import load_mapping
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.importer import ImportSummary, import_file
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.removals import Replaced, turn_of_the_second
from farmlokal.catalog.writing.bulk_load import refresh_statistics, seed_catalogue
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.cli.amounts import Days, Share
from farmlokal.cli.process import EXIT_FAILED, T, open_database, run, start
from farmlokal.cli.progress import progress
from farmlokal.database.address import parse_address
from farmlokal.database.identity import read_identity, renew_identity
from farmlokal.database.interface import Database
from farmlokal.database.schema import SCHEMA_VERSION, check_schema, contract_schema, create_schema
from farmlokal.settings import Settings

_UNKNOWN_SHOWN_MAX = 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("init-db")
@click.option("--check", is_flag=True, help="Change nothing: only say whether this release can use the database.")
@click.option(
    "--contract", is_flag=True, help="Finish an upgrade, when no process of an earlier release runs any more."
)
@click.option(
    "--new-identity", is_flag=True, help="Give a restored copy another identity than its original, for a shared Redis."
)
def init_db(check: bool, contract: bool, new_identity: bool) -> None:
    """Make the schema where there is none, else upgrade it. Safe to run again, and to interrupt.

    An upgrade leaves processes of the release before at work. When they are gone, --contract finishes it.
    """
    if check + contract + new_identity > 1:
        raise click.UsageError("--check, --contract and --new-identity are different tasks: give one")
    settings = start()
    if check:
        run(_with_database(settings, check_schema, check=False))
    elif new_identity:
        identity = run(_with_database(settings, _renew_identity, check=False))
        click.echo(f"the catalogue's identity is {identity} now: replace the processes that run")
        return
    else:
        work = contract_schema if contract else create_schema
        stored = run(
            _with_database(
                settings, lambda database: work(database, partial(progress, unit="ids"), batches=BATCHES), check=False
            )
        )
        if stored.version < SCHEMA_VERSION:
            click.echo(
                f"processes of schema version {stored.version} and of {SCHEMA_VERSION} can use the database;"
                f" when the last one of version {stored.version} is gone, run `farmlokal init-db --contract`"
            )
            return
    click.echo("the schema is in place")


async def _renew_identity(database: Database) -> str:
    await check_schema(database)
    return await renew_identity(database)


@click.command()
@click.option("--products", required=True, type=click.IntRange(1, 100_000_000), help="Size of the catalogue.")
def seed(products: int) -> None:
    """Fill the catalogue with made-up products, the same on every machine.

    What is there already stays as it is: after an interruption, run it again. MySQL is written by one process per
    core. Afterwards the database's statistics are brought up to date (ANALYZE).
    """
    settings = start()
    address = parse_address(settings.database_url)
    with progress("seeding", products, unit="products") as advance_to:
        run(_filling(settings, lambda database: seed_catalogue(database, address, products, advance_to)))
    click.echo(f"the catalogue holds seed products 1 to {products}")


@click.command("import")
@click.argument("file", type=_FILE)
@click.option(
    "--locations",
    type=_FILE,
    help="The open data portal's market file; its states file is found beside it.",
)
@click.option(
    "--aliases", type=_FILE, help="A table of your own of names that mean the same, before the one that ships."
)
@click.option(
    "--dates",
    type=click.Choice(["day-first", "month-first"]),
    help="How the file writes dates such as 6/4/2023, where its rows do not show it.",
)
@click.option("--state", help="The state whose prices the file holds, where it does not say so (Agmarknet's reports).")
@click.option("--mapping", help="What the columns of a list mean: a TOML file, or the name of one that ships.")
@click.option("--reject-implausible", is_flag=True, help="Refuse market prices out of all proportion.")
@click.option(
    "--replace", is_flag=True, help="Afterwards delete what the file does not list, in the markets that it covers."
)
@click.option(
    "--max-delete", type=Share(), default="20%", show_default=True, help="The most that --replace may delete there."
)
@click.option("--expire-after", type=Days(), help="Delete market products that no file has listed for so long (30d).")
def import_(
    file: Path,
    locations: Path | None,
    aliases: Path | None,
    dates: str | None,
    state: str | None,
    mapping: str | None,
    *,
    reject_implausible: bool,
    replace: bool,
    max_delete: float,
    expire_after: int | None,
) -> None:
    """Import FILE: market prices of India's open data portal or of Agmarknet, or a list of products.

    What it is, its content says: CSV, JSON, XLSX or a web page's table. docs/market-files.md has a line for each form.
    Afterwards the database's statistics are brought up to date (ANALYZE).
    """
    settings = start()
    reading = ReadOptions(state, None if mapping is None else load_mapping(mapping))
    options = MarketOptions(None if dates is None else dates == "day-first", reject_implausible)
    sighting = f"import-{uuid.uuid4()}" if replace else None
    with progress("importing", file.stat().st_size, unit="bytes") as advance_to:

        async def work(database: Database) -> tuple[ImportSummary, Replaced, int]:
            writer = ProductWriter(database, farms=KnownFarms(database))
            began = await turn_of_the_second() if replace else datetime.now(UTC)
            summary = await import_file(
                file,
                writer,
                MarketFiles(database),
                aliases=load_aliases(aliases),
                locations=locations,
                options=options,
                reading=reading,
                sighting=sighting,
                on_progress=advance_to,
                on_bad_row=lambda line, reason: click.echo(f"{file}:{line}: {reason}", err=True),
                on_implausible=lambda line, doubt: click.echo(f"{file}:{line}: implausible: {doubt}", err=True),
                on_remark=lambda remark: click.echo(f"{file}: {remark}", err=True),
            )
            replaced, expired = Replaced(0), 0
            if sighting is not None:
                if summary.complete:
                    replaced = await removals.replace(database, summary, sighting, began=began, share_max=max_delete)
                await writer.forget(sighting)
            if expire_after is not None:
                expired = await removals.expire(database, expire_after)
            await refresh_statistics(database)
            return summary, replaced, expired

        summary, replaced, expired = run(_filling(settings, work))
    _report(summary)
    if replace and summary.complete and replaced.refusal is None:
        click.echo(f"{replaced.deleted} products that the file does not list were deleted")
    if expire_after is not None:
        click.echo(f"{expired} products that no file has listed for {expire_after} days were deleted")
    if replaced.refusal is not None:
        click.echo(replaced.refusal, err=True)
    if not summary.complete and replace:
        click.echo("nothing was deleted: a bad row may stand for a product that is still on offer", err=True)
    if replaced.refusal is not None or not summary.complete:
        sys.exit(EXIT_FAILED)


def _report(summary: ImportSummary) -> None:
    counts = ", ".join(f"{outcome} {summary.tally[outcome]}" for outcome in WriteOutcome if summary.tally[outcome])
    click.echo(f"{summary.rows} rows: {counts or 'none landed'}; {summary.bad_rows} bad")
    if summary.not_reported:
        click.echo(f"{summary.not_reported} rows report no price (0), and are no products")
    if summary.implausible:
        click.echo(f"{summary.implausible} rows have a price out of all proportion: --reject-implausible refuses them")
    if summary.unknown_rows:
        click.echo(_unknown_categories(summary))


def _unknown_categories(summary: ImportSummary) -> str:
    """The line that says which categories became `other`, the most frequent first."""
    most = sorted(summary.unknown_categories.items(), key=lambda item: (-item[1], item[0]))[:_UNKNOWN_SHOWN_MAX]
    shown = ", ".join(f"{label!r} {rows}" for label, rows in most)
    more = len(summary.unknown_categories) - len(most)
    names = shown + (f" and {more} more" if more else "")
    return f"{summary.unknown_rows} rows name an unknown category and became {OTHER}: {names}"


async def _filling(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    async def filling(database: Database) -> T:
        identity = await read_identity(database)
        try:
            done = await work(database)
            await wake_waiting_events(database, source=settings.partner_source)
            return done
        finally:
            # Whatever was written, by an interrupted run too. A file touches most pages: naming their tags saves
            # nothing.
            await send_invalidation(settings, identity, (EVERYTHING,))

    return await _with_database(settings, filling)


async def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]], *, check: bool = True) -> T:
    database = open_database(settings)
    try:
        if check:
            await wait_for_database(database)
        return await work(database)
    finally:
        await database.close()
