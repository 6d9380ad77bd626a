"""`farmlokal serve`."""

import click

from farmlokal.app.server import serve as serve_one
from farmlokal.app.workers import default_workers, serve_workers
from farmlokal.cli.process import run, start


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
    count = workers or default_workers(settings)
    if count == 1:
        run(serve_one(settings, host, port))
    else:
        serve_workers(settings, host, port, count)
