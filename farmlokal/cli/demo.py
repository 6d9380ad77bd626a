"""`farmlokal demo`: everything that a newcomer needs, in one process and without a server of any kind."""

import click

from farmlokal.app.server import serve
from farmlokal.catalog.writing.bulk_load import seed_catalogue
from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.cli.process import open_database, run, start
from farmlokal.cli.progress import progress
from farmlokal.database.address import parse_address
from farmlokal.database.schema import create_schema
from farmlokal.settings import Settings
from farmlokal.simulator.connecting import service_settings
from farmlokal.simulator.server import running_partner

_PARTNER_PRODUCTS = 10_000
# Printed at the start of the demo: it guards nothing but a simulator's token.
_API_KEY = "demo-key-for-everyone"
# A walk through the catalogue is the first thing that people write. By the service's own default it is refused after
# 54 pages, and on one machine there is nobody to be protected from them: this admits 2,400 at once.
_RATE_LIMIT = "default=60000/minute"


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
        api_key = _API_KEY if settings.api_keys is None else "<one of FARMLOKAL_API_KEYS>"
        await serve(
            _for_newcomers(settings, partner_url, f"http://127.0.0.1:{port}" if port else None),
            "127.0.0.1",
            port,
            on_ready=lambda url: click.echo(_welcome(url, partner_url, api_key)),
        )


def _for_newcomers(settings: Settings, partner_url: str, own_url: str | None) -> Settings:
    """The settings with a key to ask for the token, a wide rate limit, and the simulator for a partner.

    What is set stays as it is. own_url: where the simulator is to send its events, if that is known.
    """
    more: dict[str, str | None] = {} if settings.api_keys else {"api_keys": _API_KEY}
    if "rate_limit" not in settings.model_fields_set:
        more["rate_limit"] = _RATE_LIMIT
    # All of it or none: credentials of a real partner are not for the simulator, nor the other way round.
    if settings.oauth_token_url is None and settings.partner_url is None:
        more |= service_settings(partner_url) | {"public_url": own_url}
    return settings.model_copy(update=more)


async def _fill_when_empty(settings: Settings, products: int) -> None:
    database = open_database(settings)
    try:
        await create_schema(database, batches=BATCHES)
        if not await database.fetch("SELECT 1 FROM products LIMIT 1"):
            with progress("filling the catalogue", products, unit="products") as advance_to:
                await seed_catalogue(database, parse_address(settings.database_url), products, advance_to)
    finally:
        await database.close()


def _welcome(url: str, partner_url: str, api_key: str) -> str:
    return f"""
FarmLokal serves {url} (the partner simulator: {partner_url}). Try:

  curl '{url}/products?category=fruits&sort=price&limit=3'
  curl '{url}/products?district=Pune&organic=true&limit=3'
  curl '{url}/categories'
  curl -H 'X-API-Key: {api_key}' '{url}/auth/token'
"""
