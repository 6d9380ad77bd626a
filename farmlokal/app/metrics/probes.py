"""Numbers that no mechanism counts and that are looked up: whether dependencies answer, and what the tables hold."""

import math
from collections.abc import Iterator

from farmlokal.app.metrics.metric_sources import MetricSource, number_in
from farmlokal.catalog.changes.sequencer import Pending, Sequencer
from farmlokal.partner.sync.run_store import SyncRuns
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger
from farmlokal.web.edge.lifecycle import Health
from farmlokal.webhooks.inbox import Inbox, State

_log = get_logger(__name__)

_PROBE_EVERY_S = 10.0
_COUNT_EVERY_S = 60.0
# Along an index about 20 ms. Of more events than that the exact number makes no difference.
_EVENTS_COUNTED_MAX = 100_000


class Probes:
    """Keeps the latest result of each, so that a scrape never waits: it is answered while the database is down, too."""

    def __init__(self, health: Health, inbox: Inbox, runs: SyncRuns, sequencer: Sequencer) -> None:
        self._health = health
        self._inbox = inbox
        self._runs = runs
        self._sequencer = sequencer
        self._up = dict.fromkeys(("database", "redis"), math.nan)
        self._degraded = dict.fromkeys(self._up, math.nan)
        self._events = dict.fromkeys(State, math.nan)
        self._last_done_s = math.nan
        self._pending: Pending | None = None

    def __repr__(self) -> str:
        return f"<Probes up={self._up} events={self._events} last_done_s={self._last_done_s}>"

    def sources(self) -> Iterator[MetricSource]:
        """Yields the latest results; NaN before the first."""
        for dependency in self._up:
            yield MetricSource("farmlokal_dependency_up", dependency, number_in(self._up, dependency))
            yield MetricSource("farmlokal_dependency_degraded", dependency, number_in(self._degraded, dependency))
        for state in State:
            yield MetricSource("farmlokal_webhook_inbox_events", state, number_in(self._events, state))
        yield MetricSource("farmlokal_sync_last_done_timestamp_seconds", "", lambda: self._last_done_s)
        yield MetricSource("farmlokal_changes_pending", "", lambda: self._of_pending("rows"))
        yield MetricSource("farmlokal_changes_lag_seconds", "", lambda: self._of_pending("age_s"))

    async def probe(self) -> None:
        """Ask each dependency whether it answers, and how."""
        report = await self._health.dependencies()
        for name, found in report.items():
            if name in self._up:
                self._up[name] = float(found["state"] != "down")
                self._degraded[name] = float(found["state"] == "degraded")

    async def count(self) -> None:
        """Count in the tables. Raises FarmLokalError when the database does not answer; then the old numbers stay."""
        for state in State:
            self._events[state] = await self._inbox.count(state, counted_max=_EVENTS_COUNTED_MAX)
        done_ms = await self._runs.last_done_ms()
        self._last_done_s = math.nan if done_ms is None else done_ms / 1000
        self._pending = await self._sequencer.pending()

    def _of_pending(self, name: str) -> float:
        return math.nan if self._pending is None else float(getattr(self._pending, name))

    async def keep_probing(self) -> None:
        """Probe again and again, until cancelled."""
        await every(_PROBE_EVERY_S, self.probe, log=_log, failed="the dependencies could not be probed")

    async def keep_counting(self) -> None:
        """Count once a minute, until cancelled."""
        await every(_COUNT_EVERY_S, self.count, log=_log, failed="the tables could not be counted")
