"""`FARMLOKAL_METRICS_PORT`: the metrics on a port of their own, which need not be open to the clients of the service.

The sockets are made once, before any worker is started, and every worker accepts from them: whichever answers gives the
numbers of all, and it makes no difference which of them has died.
"""

import socket
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from farmlokal.app.listening import base_url, listen_on
from farmlokal.telemetry import get_logger
from farmlokal.web import keys
from farmlokal.web.handlers.metrics import PATH, show_metrics

_log = get_logger(__name__)


def metrics_sockets(host: str, port: int | None) -> list[socket.socket]:
    """Return the listening sockets for the metrics on `host`, as `listen_on` does; none for no port."""
    return [] if port is None else listen_on(host, port)


def serve_metrics_from(app: web.Application, listening: Sequence[socket.socket]) -> None:
    """Have `app`, while it runs, answer for its metrics on `listening` too."""
    if not listening:
        return

    async def context(_: web.Application) -> AsyncIterator[None]:
        alone = web.Application()
        alone[keys.METRICS] = app[keys.METRICS]
        alone.router.add_get(PATH, show_metrics)
        runner = web.AppRunner(alone, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            urls = [f"{base_url(one)}{PATH}" for one in listening]
            for one in listening:
                await web.SockSite(runner, one).start()
            _log.info("metrics", url=",".join(urls))
            yield
        finally:
            await runner.cleanup()

    app.cleanup_ctx.append(context)
