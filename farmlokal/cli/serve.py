"""`farmlokal serve`."""

import os

import click

from farmlokal.app.freed_memory import give_back_large_blocks
from farmlokal.app.server import serve as serve_one
from farmlokal.cli.process import run, start
from farmlokal.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; :: is every one.")
@click.option("--port", default=8080, show_default=True, envvar="PORT", type=click.IntRange(0, 65535), help="Port.")
@click.option(
    "--workers",
    envvar="WEB_CONCURRENCY",
    type=click.IntRange(1, 256),
    help="Processes. [default: one per core with Redis, else 1]",
)
def serve(host: str, port: int, workers: int | None) -> None:
    """Serve HTTP until SIGTERM."""
    settings = start()
    give_back_large_blocks()
    count = workers or _default_workers(settings)
    if count == 1:
        run(serve_one(settings, host, port))
        return
    # Not above: one process needs no gunicorn.
    from farmlokal.app.workers import serve_workers

    serve_workers(settings, host, port, count)


def _default_workers(settings: Settings) -> int:
    """Returns one per core where processes share a Redis; else 1, since cache and limits would hold in each alone."""
    return 1 if settings.redis_url is None else len(os.sched_getaffinity(0))
