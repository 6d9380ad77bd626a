"""Serving with several processes: gunicorn starts them, replaces what crashes, and passes signals on."""

import asyncio
import socket
import sys
import time
from types import FrameType
from typing import Any

from aiohttp import web
from aiohttp.worker import GunicornUVLoopWebWorker
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from farmlokal.app.arbiter import HoldingArbiter, hear
from farmlokal.app.factory import create_app
from farmlokal.app.garbage_collection import freeze_startup_objects
from farmlokal.app.listening import accepting, base_url, listen_on
from farmlokal.app.metrics.port import metrics_sockets, serve_metrics_from
from farmlokal.app.metrics.worker_slots import WorkerSlots
from farmlokal.app.server import FINISH_WAIT_MAX_S, drain
from farmlokal.app.start_line import start_line
from farmlokal.app.variables import log_unknown_variables
from farmlokal.errors import FarmLokalError
from farmlokal.settings import Settings, SettingsInvalid, load_settings
from farmlokal.telemetry import get_logger
from farmlokal.web.edge.aiohttp_adapter import wake
from farmlokal.web.runner import ServiceRunner

_log = get_logger(__name__)

_START_AGAIN_S = 1


def serve_workers(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve with `workers` processes on one port until SIGTERM. Does not return: gunicorn exits by itself.

    host: as `listen_on` takes it. Raises DatabaseUnavailable and SchemaMismatch, and OSError for a port that is
    taken, before any worker starts.
    """
    if settings.redis_url is None:
        _log.warning("several workers without Redis: what they cache and limit holds per process", workers=workers)
    # Here, where a fault is still one line and an exit code: a worker that fails to start fails once per process.
    fields = asyncio.run(start_line(settings))
    metrics = metrics_sockets(host, settings.metrics_port)
    slots = WorkerSlots(workers)
    listening = listen_on(host, port)
    urls = [base_url(one) for one in listening]

    def when_ready(_: Arbiter) -> None:
        _log.info("serving", url=",".join(urls), workers=workers, **fields)

    options = {
        # gunicorn has another form for each kind of address, and none for both families: it gets what listens already.
        "bind": [f"fd://{one.detach()}" for one in listening],
        "workers": workers,
        "worker_class": DrainingWorker,
        # The arbiter kills a worker that is not done by then.
        "graceful_timeout": settings.drain_s + FINISH_WAIT_MAX_S + 5,
        "timeout": settings.drain_s + FINISH_WAIT_MAX_S + 5,
        "control_socket_disable": True,
        "logger_class": PropagatingLogger,
        "loglevel": settings.log_level,
        "when_ready": when_ready,
        "pre_fork": slots.assign,
        "child_exit": slots.release,
    }
    Supervisor(settings, options, slots, metrics).run()


class PropagatingLogger(Logger):  # type: ignore[misc]
    """Writes gunicorn's records by the log handler that this process has already."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's level, and none of its handlers."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Supervisor(BaseApplication):  # type: ignore[misc]
    """Configures gunicorn, and makes the application of each worker."""

    def __init__(
        self, settings: Settings, options: dict[str, Any], slots: WorkerSlots, metrics: list[socket.socket]
    ) -> None:
        """slots: where the workers count. metrics: the sockets of the metrics, where they have a port of their own."""
        self.settings = settings
        self._slots = slots
        self._metrics = metrics
        self._options = options
        self.runner: ServiceRunner | None = None
        super().__init__()

    def run(self) -> None:
        """Start the workers, and see after them. Does not return."""
        HoldingArbiter(self).run()

    def reload(self) -> None:
        """On SIGHUP, before new workers replace the old: read the settings again. Wrong ones change nothing."""
        try:
            # Its sockets are made already, for all workers that there will be.
            self.settings = load_settings().model_copy(update={"metrics_port": self.settings.metrics_port})
        except SettingsInvalid as error:
            _log.error("settings not reloaded", faults=error.lines)
        log_unknown_variables()
        super().reload()

    def load_config(self) -> None:
        """Take our options; nothing is read from files or from the command line."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Returns what makes a worker's runner; called after the fork."""

        async def make_runner() -> web.AppRunner:
            app = create_app(self.settings, self._slots.own)
            app.on_startup.append(freeze_startup_objects)
            serve_metrics_from(app, self._metrics)
            self.runner = ServiceRunner(
                app,
                hot_path=self.settings.hot_path == "on",
                shutdown_timeout=FINISH_WAIT_MAX_S,
            )
            return self.runner

        return make_runner


class DrainingWorker(GunicornUVLoopWebWorker):
    """aiohttp's gunicorn worker, which on SIGTERM drains before it stops."""

    _draining: asyncio.Task[None] | None = None

    def init_process(self) -> None:
        """Begin in the new process.

        uvloop closes the descriptors that it listens on by itself, and lets go of a socket then. gunicorn's wrapper of
        one it would close after that: a descriptor that is nobody's by then (a line in the log), or another's.
        """
        own = [wrapper.sock for wrapper in self.sockets]  # type: ignore[has-type]
        self.sockets = accepting(own, self.cfg.workers)
        super().init_process()

    def init_signals(self) -> None:
        """Hear what the arbiter says, from the event loop's first turn on: before it nobody would act on it."""
        super().init_signals()
        self.loop.call_soon(hear)

    def run(self) -> None:
        """Serve. A worker that cannot start is tried again: the others go on with what their memory holds.

        gunicorn would stop the whole service for it, since it cannot know that the first ones did start.
        """
        try:
            super().run()
        except (FarmLokalError, OSError) as error:
            reason = getattr(error, "reason", "") or str(error)
            _log.error("worker did not start", reason=reason, again_in_s=_START_AGAIN_S)
            time.sleep(_START_AGAIN_S)
            sys.exit(1)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM: go on serving until load balancers have turned away, then stop."""
        if self._draining is None:
            self._draining = self.loop.create_task(self._drain())

    async def _drain(self) -> None:
        if self.app.runner is not None:
            await drain(self.app.runner, self.app.settings.drain_s)
        self.alive = False
        wake(self)
