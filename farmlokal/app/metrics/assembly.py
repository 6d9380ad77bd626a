"""The metrics of one process put together: what is read, when it is brought to the board, and who may scrape it."""

import platform
from collections.abc import AsyncIterator, Iterable, Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry

from farmlokal import __version__
from farmlokal.app.metrics.exposition import registry_of
from farmlokal.app.metrics.loop_lag import LoopLag
from farmlokal.app.metrics.metric_sources import Reading
from farmlokal.app.metrics.metric_writer import Meter
from farmlokal.app.metrics.probes import Watch
from farmlokal.app.resources import background
from farmlokal.telemetry.board import Seat
from farmlokal.telemetry.metrics import BUILD_INFO
from farmlokal.web.edge.lifecycle import Health, Phase
from farmlokal.web.edge.request_counts import RequestCounts


class Metrics:
    """Counts for the process of `seat`, and tells what all processes of its board counted.

    readings: what the mechanisms count. watch: what has to be looked up.
    """

    def __init__(
        self, seat: Seat, request_counts: RequestCounts, health: Health, readings: Iterable[Reading], watch: Watch
    ) -> None:
        self._seat = seat
        self._request_counts = request_counts
        self._health = health
        self._watch = watch
        self._lag = LoopLag()
        own = (*self._of_process(), *self._lag.readings(), *watch.readings())
        self._meter = Meter(seat.slot, (*readings, *own))
        self.registry: CollectorRegistry = registry_of(seat.board, self._meter.flush)

    def __repr__(self) -> str:
        return f"<Metrics {self._seat.slot!r} {self._meter!r}>"

    async def counting(self, app: web.Application) -> AsyncIterator[None]:
        """Count from before anything starts until everything has ended."""
        self._request_counts.begin(
            (route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None
        )
        build = self._seat.slot.place(BUILD_INFO.name, __version__, platform.python_version())
        self._seat.slot.values[build] = 1.0
        self._meter.flush()
        # Only now: the gauges of whoever had the slot before are overwritten.
        self._seat.slot.live = True
        async with background(self._meter.keep(), "metrics"), background(self._lag.keep(), "event loop lag"):
            yield
        self._meter.flush()
        self._seat.slot.live = False

    async def watching(self, _: web.Application) -> AsyncIterator[None]:
        """Look up what has to be looked up, while the dependencies are there to be asked."""
        async with (
            background(self._watch.keep_probing(), "dependency probes"),
            background(self._watch.keep_counting(), "table counts"),
        ):
            yield

    def _of_process(self) -> Iterator[Reading]:
        yield Reading("farmlokal_hot_path_answers_total", "", lambda: self._request_counts.hot_path_answers)
        yield Reading("farmlokal_ready", "", lambda: self._health.phase is Phase.READY)
        yield Reading("farmlokal_workers", "", lambda: 1)
