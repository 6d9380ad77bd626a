"""The lag of the event loop: the one number in which every slow thing in the process shows."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator

from farmlokal.app.metrics.metric_sources import MetricSource
from farmlokal.telemetry.durations import Durations

_EVERY_S = 0.1
_SAMPLES_KEPT = 100  # ten seconds


class LoopLag:
    """Sets a timer again and again, and counts how late it goes off. The timer itself is exact to a millisecond."""

    def __init__(self) -> None:
        self.times = Durations()
        self._latest: deque[float] = deque([0.0], maxlen=_SAMPLES_KEPT)

    def __repr__(self) -> str:
        return f"<LoopLag {self.times!r} worst_s={max(self._latest):.3f}>"

    def sources(self) -> Iterator[MetricSource]:
        """Yields every lag, and the worst of the last ten seconds."""
        yield MetricSource("farmlokal_event_loop_lag_seconds", "", self.times)
        yield MetricSource("farmlokal_event_loop_lag_max_seconds", "", lambda: max(self._latest))

    async def keep(self) -> None:
        """Sample until cancelled."""
        while True:
            # Not the loop's own time, which stands still for as long as the loop is busy.
            due = time.perf_counter() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            lag_s = max(0.0, time.perf_counter() - due)
            self.times.observe(lag_s)
            self._latest.append(lag_s)
