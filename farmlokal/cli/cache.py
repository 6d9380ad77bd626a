"""`farmlokal cache`: what an operator does to the caches of running services."""

from collections.abc import Iterable

import click

from farmlokal.app.command_invalidation import send_invalidation
from farmlokal.app.dependencies import wait_for_database
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.cli.process import open_database, run, start
from farmlokal.database.identity import read_identity
from farmlokal.errors import NotConfigured
from farmlokal.settings import Settings


@click.group()
def cache() -> None:
    """Look after the caches of the running services."""


@cache.command()
@click.option(
    "--tag",
    "tags",
    multiple=True,
    help="Only what carries this tag: products, category/SLUG or product/ID. Repeatable. [default: everything]",
)
def purge(tags: tuple[str, ...]) -> None:
    """Call what is cached of this catalogue no longer fresh, in every process that shares the Redis.

    The database says which catalogue it is. What is cached is served as stale while it is loaded anew.
    """
    settings = start()
    if settings.redis_url is None:
        raise NotConfigured("FARMLOKAL_REDIS_URL")
    run(_purge(settings, tags or (EVERYTHING,)))
    click.echo(f"purged {', '.join(tags) or 'everything'}")


async def _purge(settings: Settings, tags: Iterable[str]) -> None:
    database = open_database(settings)
    try:
        await wait_for_database(database)
        await send_invalidation(settings, database, await read_identity(database), tags)
    finally:
        await database.close()
