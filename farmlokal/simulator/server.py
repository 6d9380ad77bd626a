"""Runs the partner simulator inside another program: the demo, a test, or `farmlokal partner`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from farmlokal.simulator.app import create_partner_app
from farmlokal.simulator.partner import Partner, default_partner

# A simulator has nothing to lose: what still runs when it stops gets a moment, not aiohttp's minute.
_SHUTDOWN_WAIT_S = 1.0


@asynccontextmanager
async def running_partner(host: str, port: int, products: int) -> AsyncIterator[str]:
    """Serve a partner of `products` rows on `host` and `port` (0: any free one) and give its base URL.

    Its client is `credentials.CLIENT_ID` with `CLIENT_SECRET`. Raises OSError when the port is taken.
    """
    # In a thread: making the catalogue takes most of a second, and the caller's event loop may be serving already.
    partner = await asyncio.to_thread(default_partner, products)
    async with serving(partner, host, port) as base_url:
        yield base_url


@asynccontextmanager
async def serving(partner: Partner, host: str, port: int) -> AsyncIterator[str]:
    """Serve `partner` as `running_partner` does, for callers that made it themselves."""
    runner = web.AppRunner(create_partner_app(partner), access_log=None, shutdown_timeout=_SHUTDOWN_WAIT_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield site.name
    finally:
        await runner.cleanup()
