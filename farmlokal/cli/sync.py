"""`farmlokal sync`: the partner's feed into the catalogue."""

import asyncio
import signal
import sys

import click
import orjson

from farmlokal.app.command_sync import command_sync
from farmlokal.app.dependencies import wait_for_database
from farmlokal.catalog.writing.indexes_last import indexes_last
from farmlokal.catalog.writing.rare_collections import collect_rarely
from farmlokal.cli.process import EXIT_FAILED, open_database, run, start
from farmlokal.cli.progress import progress
from farmlokal.partner.sync.run import Run, RunState
from farmlokal.partner.sync.service import Sync
from farmlokal.settings import Settings


@click.command()
@click.option("--full", is_flag=True, help="Walk the whole feed, and mark gone what it does not show any more.")
def sync(full: bool) -> None:
    """Sync with the partner's feed: what changed since the last run that was done.

    One run at a time: where a service or another command is at it, wait for its result. An interrupted run goes on
    where it stood. Prints the summary as JSON, and the rejected rows on standard error.
    """
    settings = start()
    finished = run(_sync(settings, full=full))
    if finished.shown_state is not RunState.DONE or finished.rejected:
        sys.exit(EXIT_FAILED)


async def _sync(settings: Settings, *, full: bool) -> Run:
    database = open_database(settings)
    collect_rarely()
    try:
        await wait_for_database(database, loading=True)
        with progress("syncing", None, unit="products") as advance_to:
            async with command_sync(settings, database, lambda page: advance_to(page.fetched)) as one:
                for number in (signal.SIGTERM, signal.SIGINT):
                    asyncio.get_running_loop().add_signal_handler(number, one.interrupt)
                async with indexes_last(database, large=True):
                    finished = await one.run(full=full)
        await _print_result(one, finished)
        return finished
    finally:
        await database.close()


async def _print_result(one: Sync, finished: Run) -> None:
    for reject in await one.runs.rejects(finished):
        click.echo(f"{reject.external_id or 'a row without external_id'}: {reject.reason}", err=True)
    click.echo(orjson.dumps(finished.summary(one.runs.now_ms())))
