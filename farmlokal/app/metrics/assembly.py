"""The metrics of one process put together: what is read, when it is written to the board, and what is scraped."""

import platform
from collections.abc import AsyncIterator, Iterable, Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry

from farmlokal import __version__
from farmlokal.app.metrics.exposition import registry_of
from farmlokal.app.metrics.loop_lag import LoopLag
from farmlokal.app.metrics.metric_sources import MetricSource
from farmlokal.app.metrics.metric_writer import MetricWriter
from farmlokal.app.metrics.probes import Probes
from farmlokal.app.resources import (
    background,
)
from farmlokal.telemetry.board import OwnSlot
from farmlokal.telemetry.metrics import BUILD_INFO
from farmlokal.web.edge.lifecycle import Health, Phase
from farmlokal.web.edge.request_counts import RequestCounts


class Metrics:
    """Counts for one process, and gives what all processes of its board counted.

    own: the slot of this process. sources: what the mechanisms count. probes: what has to be looked up.
    """

    def __init__(
        self,
        own: OwnSlot,
        request_counts: RequestCounts,
        health: Health,
        sources: Iterable[MetricSource],
        probes: Probes,
    ) -> None:
        self._own = own
        self._request_counts = request_counts
        self._health = health
        self._probes = probes
        self._lag = LoopLag()
        of_process = (*self._of_process(), *self._lag.sources(), *probes.sources())
        self._writer = MetricWriter(own.slot, (*sources, *of_process))
        self.registry: CollectorRegistry = registry_of(own.board, self._writer.flush)

    def __repr__(self) -> str:
        return f"<Metrics {self._own.slot!r} {self._writer!r}>"

    async def counting(self, app: web.Application) -> AsyncIterator[None]:
        """Count from before anything starts until everything has ended: a cleanup context."""
        self._request_counts.begin(
            (route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None
        )
        build = self._own.slot.place(BUILD_INFO.name, __version__, platform.python_version())
        self._own.slot.values[build] = 1.0
        self._writer.flush()
        # Only now: the gauges of the process that had the slot before are overwritten.
        self._own.slot.live = True
        async with background(self._writer.keep(), "metrics"), background(self._lag.keep(), "event loop lag"):
            yield
        self._writer.flush()
        self._own.slot.live = False

    async def probing(self, _: web.Application) -> AsyncIterator[None]:
        """Look up what has to be looked up while the dependencies are open: a cleanup context."""
        async with (
            background(self._probes.keep_probing(), "dependency probes"),
            background(self._probes.keep_counting(), "table counts"),
        ):
            yield

    def _of_process(self) -> Iterator[MetricSource]:
        yield MetricSource("farmlokal_hot_path_answers_total", "", lambda: self._request_counts.hot_path_answers)
        yield MetricSource("farmlokal_ready", "", lambda: self._health.phase is Phase.READY)
        yield MetricSource("farmlokal_workers", "", lambda: 1)
