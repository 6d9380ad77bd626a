"""Writing what the mechanisms counted to the board, once a second and at each scrape."""

import math
from collections.abc import Callable, Iterable

from farmlokal.app.metrics.metric_sources import MetricSource
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.board import Slot
from farmlokal.telemetry.durations import BOUNDS_S, Durations
from farmlokal.telemetry.metrics import BY_NAME, METRICS, Kind, Metric

_log = get_logger(__name__)

FLUSH_EVERY_S = 1.0


class MetricWriter:
    """Writes the numbers of `sources` into a process's slot.

    Counters go on from what the slot's last process left there: its own mechanisms began at 0, the service did not.
    """

    def __init__(self, slot: Slot, sources: Iterable[MetricSource]) -> None:
        self._slot = slot
        for metric in METRICS:
            self._make(metric)
        # Each with the first of its words, and what was there before.
        self._counters: list[tuple[Callable[[], float], int, float]] = []
        self._gauges: list[tuple[Callable[[], float], int]] = []
        self._times: list[tuple[Durations, int, list[float]]] = []
        for source in sources:
            self._add(source)

    def __repr__(self) -> str:
        return f"<MetricWriter counters={len(self._counters)} gauges={len(self._gauges)} histograms={len(self._times)}>"

    def flush(self) -> None:
        """Bring every number in the slot up to date."""
        values = self._slot.values
        for read, first, before in self._counters:
            values[first] = before + read()
        for read, first in self._gauges:
            values[first] = float(read())
        for times, first, before_all in self._times:
            for word, number in enumerate((*times.counts, times.total_s)):
                values[first + word] = before_all[word] + number

    async def keep(self) -> None:
        """Flush every second, until cancelled."""

        async def flush() -> None:
            self.flush()

        # Without jitter: nothing is asked but this process's own memory.
        await every(FLUSH_EVERY_S, flush, log=_log, failed="metrics could not be read", jitter=0)

    def _make(self, metric: Metric) -> None:
        """Make the metric's series; a gauge is NaN until its first number."""
        if len(metric.labels) > len(metric.values[:1]):
            return  # made where the values are known
        for value in metric.values or ("",):
            first = self._place(metric, value)
            if metric.kind is Kind.GAUGE:
                self._slot.values[first] = math.nan

    def _add(self, source: MetricSource) -> None:
        metric = BY_NAME[source.metric]
        if source.value not in (metric.values or ("",)):
            raise ValueError(f"{metric.name} has no series {source.value!r}")
        first = self._place(metric, source.value)
        if isinstance(source.read, Durations):
            self._times.append((source.read, first, list(self._slot.values[first : first + len(BOUNDS_S) + 2])))
        elif metric.kind is Kind.GAUGE:
            self._gauges.append((source.read, first))
        else:
            self._counters.append((source.read, first, self._slot.values[first]))

    def _place(self, metric: Metric, value: str) -> int:
        words = len(BOUNDS_S) + 2 if metric.kind is Kind.HISTOGRAM else 1
        return self._slot.place(metric.name, *((value,) if value else ()), words=words)
