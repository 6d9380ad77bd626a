"""`farmlokal partner`: the partner simulator alone."""

import asyncio
import signal

import click

from farmlokal.cli.process import run, start
from farmlokal.settings import variable
from farmlokal.simulator.connecting import service_settings
from farmlokal.simulator.server import running_partner


@click.command()
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="Port.")
@click.option("--products", default=100_000, show_default=True, type=click.IntRange(1), help="Size of its feed.")
def partner(port: int, products: int) -> None:
    """Serve the partner simulator until SIGTERM. Prints what a service beside it has to be told."""
    start()
    run(_serve(port, products))


async def _serve(port: int, products: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_partner("127.0.0.1", port, products) as url:
        click.echo(_welcome(url))
        await stop.wait()


def _welcome(url: str) -> str:
    settings = "".join(f"  {variable(field)}={value}\n" for field, value in service_settings(url).items())
    return f"the partner simulator serves {url}. For a service beside it:\n\n{settings}"
