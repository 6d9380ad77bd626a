"""`farmlokal demo`: everything that a newcomer needs, in one process and without a server of any kind."""

import click

from farmlokal.app.server import serve
from farmlokal.catalog.seed.fill import fill
from farmlokal.catalog.upsert import ProductWriter
from farmlokal.cli.main import open_database, run, start
from farmlokal.cli.progress import progress
from farmlokal.database.schema import create_schema
from farmlokal.settings import Settings
from farmlokal.simulator.server import running_partner

_PARTNER_PRODUCTS = 10_000


@click.command()
@click.option("--products", default=20_000, show_default=True, type=click.IntRange(1), help="Size of a new catalogue.")
@click.option("--port", default=8080, show_default=True, envvar="PORT", type=click.IntRange(0, 65535), help="Port.")
def demo(products: int, port: int) -> None:
    """Serve a made-up catalogue together with the partner simulator, until Ctrl-C."""
    settings = start()
    run(_demo(settings, products, port))


async def _demo(settings: Settings, products: int, port: int) -> None:
    await _fill_when_empty(settings, products)
    async with running_partner("127.0.0.1", 0, _PARTNER_PRODUCTS) as partner_url:
        await serve(settings, "127.0.0.1", port, on_ready=lambda url: click.echo(_welcome(url, partner_url)))


async def _fill_when_empty(settings: Settings, products: int) -> None:
    database = open_database(settings)
    try:
        await create_schema(database)
        if not await database.fetch("SELECT 1 FROM products LIMIT 1"):
            with progress("filling the catalogue", products, unit="products") as advance_to:
                await fill(ProductWriter(database), products, advance_to)
    finally:
        await database.close()


def _welcome(url: str, partner_url: str) -> str:
    return f"""
FarmLokal serves {url} (the partner simulator: {partner_url}). Try:

  curl '{url}/products?category=fruits&sort=price&limit=3'
  curl '{url}/products?district=Pune&organic=true&limit=3'
  curl '{url}/categories'
"""


def register(group: click.Group) -> None:
    """Add the command."""
    group.add_command(demo)
