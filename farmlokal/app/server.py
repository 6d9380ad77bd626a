"""Serving one process: listen, wait for a signal, drain, stop."""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from farmlokal.app.factory import create_app
from farmlokal.app.found import FOUND
from farmlokal.app.garbage_collection import freeze_startup_objects
from farmlokal.app.listening import BACKLOG, accepting, base_url, listen_on
from farmlokal.app.metrics.port import metrics_sockets, serve_metrics_from
from farmlokal.settings import Settings
from farmlokal.telemetry import get_logger
from farmlokal.web import keys
from farmlokal.web.edge.aiohttp_adapter import listening_sockets
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.runner import ServiceRunner

_log = get_logger(__name__)

# After it stopped accepting, how long a process waits for the requests in flight.
FINISH_WAIT_MAX_S = 30
# After it stopped accepting, how long it still answers what arrives on connections that were open.
_LAST_REQUESTS_S = 1.0


async def serve(settings: Settings, host: str, port: int, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain for the time in the settings.

    host: as `listen_on` takes it. on_ready: called with the base URL once requests are answered. Raises OSError
    when the port is taken, and DatabaseUnavailable and SchemaMismatch.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = create_app(settings)
    app.on_startup.append(freeze_startup_objects)
    serve_metrics_from(app, metrics_sockets(host, settings.metrics_port))
    runner = ServiceRunner(app, hot_path=settings.hot_path == "on", shutdown_timeout=FINISH_WAIT_MAX_S)
    try:
        await runner.setup()
        listening = listen_on(host, port)
        urls = [base_url(one) for one in listening]
        for one in accepting(listening):
            await web.SockSite(runner, one, backlog=BACKLOG).start()
        _log.info("serving", url=",".join(urls), **app[FOUND].line(settings))
        if on_ready is not None:
            on_ready(urls[0])
        await stop.wait()
        await drain(runner, settings.drain_s)
    finally:
        await runner.cleanup()
    _log.info("stopped")


async def drain(runner: ServiceRunner, drain_s: int) -> None:
    """Turn readiness off, and go on serving until load balancers have turned away; then accept no more connections.

    drain_s: seconds of that; 0 for none. Connections that are open at its end are answered for another second, for
    requests that were on their way.
    """
    runner.app[keys.HEALTH].phase = Phase.DRAINING
    _log.info("draining", drain_s=drain_s)
    if drain_s:
        await asyncio.sleep(drain_s)
        await _stop_accepting(runner)
        await asyncio.sleep(_LAST_REQUESTS_S)


async def _stop_accepting(runner: ServiceRunner) -> None:
    """Close the listening sockets, and take over the connections that the kernel accepted before.

    A closed socket resets the connections in its queue, and on those requests may be on their way. So the loop's own
    socket is closed, a copy of it is emptied, and is closed at once.
    """
    loop, server = asyncio.get_running_loop(), runner.server
    if server is None:  # not set up: it accepts no connections
        return
    listening = [
        socket.fromfd(own.fileno(), own.family, own.type) for site in runner.sites for own in listening_sockets(site)
    ]
    for site in runner.sites:
        await site.stop()
    accepted = []
    for copy in listening:
        copy.setblocking(False)
        with suppress(OSError):  # the queue is empty
            while True:
                accepted.append(copy.accept()[0])
        copy.close()
    for connection in accepted:
        await loop.connect_accepted_socket(server, connection)
