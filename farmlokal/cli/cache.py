"""`farmlokal cache`: what an operator does to the caches of running services."""

import click

from farmlokal.app.command_invalidation import send_invalidation
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.cli.process import run, start
from farmlokal.errors import NotConfigured


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
    """Call what is cached no longer fresh, in every process that shares the Redis.

    It is served as stale while it is loaded anew, or while the database does not answer.
    """
    settings = start()
    if settings.redis_url is None:
        raise NotConfigured("FARMLOKAL_REDIS_URL")
    run(send_invalidation(settings, tags or (EVERYTHING,)))
    click.echo(f"purged {', '.join(tags) or 'everything'}")
