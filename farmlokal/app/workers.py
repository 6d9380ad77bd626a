"""Serving with several processes: gunicorn starts them, replaces what crashes, and passes signals on."""

import asyncio
import os
from types import FrameType
from typing import Any

from aiohttp import web
from aiohttp.worker import GunicornUVLoopWebWorker
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from farmlokal.app.factory import create_app
from farmlokal.app.resources import wait_for_database
from farmlokal.app.server import FINISH_WAIT_MAX_S, drain
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.settings import Settings
from farmlokal.telemetry import get_logger
from farmlokal.web.protocol import ServiceRunner

_log = get_logger(__name__)


def default_workers(settings: Settings) -> int:
    """One per core where Redis lets them share; else one, since what spans processes would hold in each alone."""
    return 1 if settings.redis_url is None else len(os.sched_getaffinity(0))


def serve_workers(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve with `workers` processes on one port until SIGTERM. Does not return: gunicorn exits by itself.

    Raises DatabaseUnavailable and SchemaMismatch before any worker starts.
    """
    if settings.redis_url is None:
        _log.warning("several workers without Redis: what they cache and limit holds per process", workers=workers)
    options = {
        "bind": f"{host}:{port}",
        "workers": workers,
        "worker_class": DrainingWorker,
        # The arbiter kills a worker that is not done by then.
        "graceful_timeout": settings.drain_s + FINISH_WAIT_MAX_S + 5,
        "timeout": settings.drain_s + FINISH_WAIT_MAX_S + 5,
        "control_socket_disable": True,
        "logger_class": PropagatingLogger,
        "loglevel": settings.log_level,
    }
    # Here, where a fault is still one line and an exit code: a worker that fails to start fails once per process.
    asyncio.run(_check_database(settings))
    Supervisor(settings, options).run()


async def _check_database(settings: Settings) -> None:
    database = database_at(
        parse_address(settings.database_url), pool_size=1, statement_limit_ms=settings.statement_limit_ms
    )
    try:
        await wait_for_database(database)
    finally:
        await database.close()


class PropagatingLogger(Logger):  # type: ignore[misc]
    """gunicorn's records, written by the log handler that this process has already."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's level, and none of its handlers."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Supervisor(BaseApplication):  # type: ignore[misc]
    """Tells gunicorn what to run, and hands each worker its application."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self.settings = settings
        self._options = options
        self.service: web.Application | None = None
        super().__init__()

    def load_config(self) -> None:
        """Take our options; nothing is read from files or from the command line."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """What a worker calls, after the fork, for its runner."""

        async def make_runner() -> web.AppRunner:
            self.service = create_app(self.settings)
            return ServiceRunner(self.service, shutdown_timeout=FINISH_WAIT_MAX_S)

        return make_runner


class DrainingWorker(GunicornUVLoopWebWorker):
    """aiohttp's gunicorn worker, which on SIGTERM drains before it stops."""

    _draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM: go on serving while load balancers turn away, then stop."""
        if self._draining is None:
            self._draining = self.loop.create_task(self._drain())

    async def _drain(self) -> None:
        if self.app.service is not None:
            await drain(self.app.service, self.app.settings.drain_s)
        self.alive = False
        self._notify_waiter_done()
