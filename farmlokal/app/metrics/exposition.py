"""The board as prometheus-client's families: every process's numbers as one service's."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from farmlokal.telemetry.board import Board, Key
from farmlokal.telemetry.durations import BOUNDS_S
from farmlokal.telemetry.metrics import METRICS, Kind, Merge, Metric

_BOUNDS = [*map(floatToGoString, BOUNDS_S), "+Inf"]
_MERGED: dict[Merge, Callable[[Sequence[float]], float]] = {Merge.SUM: sum, Merge.MAX: max, Merge.MIN: min}


class BoardCollector(Collector):
    """Reads every slot of `board`. flush: called before, to bring this process's own numbers up to date."""

    def __init__(self, board: Board, flush: Callable[[], None]) -> None:
        self._board = board
        self._flush = flush

    def __repr__(self) -> str:
        return f"<BoardCollector {self._board!r}>"

    def collect(self) -> Iterator[Family]:
        """Every metric. Counters of processes that ended still count, their gauges do not."""
        self._flush()
        gauges = {metric.name for metric in METRICS if metric.kind is Kind.GAUGE}
        found: dict[str, dict[Key, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
        for (name, *labels), numbers, live in self._board.numbers():
            if live or name not in gauges:
                found[name][tuple(labels)].append(numbers)
        for metric in METRICS:
            yield _family(metric, found[metric.name])


def registry_of(board: Board, flush: Callable[[], None]) -> CollectorRegistry:
    """Returns the registry that is scraped: the board, and the figures of the process itself where it is the only one.

    flush: as of BoardCollector.
    """
    registry = CollectorRegistry()
    registry.register(BoardCollector(board, flush))
    if len(board.slots) == 1:
        ProcessCollector(registry=registry)
    return registry


def _family(metric: Metric, series: dict[Key, list[list[float]]]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for labels, of_slots in series.items():
            *buckets, total_s = map(sum, zip(*of_slots, strict=True))
            histogram.add_metric(labels, list(zip(_BOUNDS, _cumulated(buckets), strict=True)), total_s)
        return histogram
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = make(metric.name, metric.meaning, labels=metric.labels)
    for labels, of_slots in series.items():
        family.add_metric(labels, _merged(metric, [number for (number,) in of_slots]))
    return family


def _merged(metric: Metric, numbers: list[float]) -> float:
    known = [number for number in numbers if not math.isnan(number)]
    return _MERGED[metric.merge](known) if known else math.nan


def _cumulated(buckets: Sequence[float]) -> Iterator[float]:
    total = 0.0
    for bucket in buckets:
        total += bucket
        yield total
