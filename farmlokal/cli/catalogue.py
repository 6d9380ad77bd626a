"""`farmlokal init-db` and `seed`: making the catalogue and filling it with made-up products."""

from functools import partial

import click

from farmlokal.catalog.writing.bulk_load import seed_catalogue
from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.cli.filling import filling, with_database
from farmlokal.cli.process import run, start
from farmlokal.cli.progress import progress
from farmlokal.database.address import parse_address
from farmlokal.database.identity import renew_identity
from farmlokal.database.interface import Database
from farmlokal.database.schema import SCHEMA_VERSION, check_schema, contract_schema, create_schema


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
        run(with_database(settings, check_schema, check=False))
    elif new_identity:
        identity = run(with_database(settings, _renew_identity, check=False))
        click.echo(f"the catalogue's identity is {identity} now: replace the processes that run")
        return
    else:
        work = contract_schema if contract else create_schema
        stored = run(
            with_database(
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
        run(filling(settings, lambda database: seed_catalogue(database, address, products, advance_to)))
    click.echo(f"the catalogue holds seed products 1 to {products}")
