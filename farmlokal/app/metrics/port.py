"""`FARMLOKAL_METRICS_PORT`: the metrics on a port of their own, which need not be open to the clients of the service.

The socket is made once, before any worker is started, and every worker accepts from it: whichever answers gives the
numbers of all, and it makes no difference which of them has died.
"""

import socket
from collections.abc import AsyncIterator

from aiohttp import web

from farmlokal.telemetry import get_logger
from farmlokal.web import keys
from farmlokal.web.handlers.metrics import PATH, show_metrics

_log = get_logger(__name__)


def metrics_socket(host: str, port: int | None) -> socket.socket | None:
    """Returns a listening socket; None for no port. Raises OSError when the port is in use, or the host is not ours."""
    if port is None:
        return None
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family, backlog=128)


def serve_metrics_from(app: web.Application, listening: socket.socket | None) -> None:
    """Have `app`, while it runs, answer for its metrics on `listening` too."""
    if listening is None:
        return

    async def context(_: web.Application) -> AsyncIterator[None]:
        alone = web.Application()
        alone[keys.METRICS] = app[keys.METRICS]
        alone.router.add_get(PATH, show_metrics)
        runner = web.AppRunner(alone, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            site = web.SockSite(runner, listening)
            await site.start()
            _log.info("metrics", url=f"{site.name}{PATH}")
            yield
        finally:
            await runner.cleanup()

    app.cleanup_ctx.append(context)
