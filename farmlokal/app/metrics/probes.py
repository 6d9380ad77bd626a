"""What nobody counts and somebody has to look up: whether the dependencies answer, and what stands in the tables."""

import asyncio
import math
import random
from collections.abc import Iterator

from farmlokal.app.metrics.metric_sources import Reading, number_in
from farmlokal.errors import FarmLokalError
from farmlokal.partner.sync.run_store import SyncRuns
from farmlokal.telemetry import get_logger
from farmlokal.web.edge.lifecycle import Health
from farmlokal.webhooks.inbox import Inbox, State

_log = get_logger(__name__)

_PROBE_EVERY_S = 10.0
_COUNT_EVERY_S = 60.0
# Along an index about 20 ms. Who has more dead events than that knows enough.
_EVENTS_COUNTED_MAX = 100_000


class Watch:
    """The latest of each, for readings that wait for nobody: a scrape is answered while the database is down."""

    def __init__(self, health: Health, inbox: Inbox, runs: SyncRuns) -> None:
        self._health = health
        self._inbox = inbox
        self._runs = runs
        self._up = dict.fromkeys(("database", "redis"), math.nan)
        self._events = dict.fromkeys(State, math.nan)
        self._last_done_s = math.nan

    def __repr__(self) -> str:
        return f"<Watch up={self._up} events={self._events} last_done_s={self._last_done_s}>"

    def readings(self) -> Iterator[Reading]:
        """What was found last; NaN before."""
        for dependency in self._up:
            yield Reading("farmlokal_dependency_up", dependency, number_in(self._up, dependency))
        for state in State:
            yield Reading("farmlokal_webhook_inbox_events", state, number_in(self._events, state))
        yield Reading("farmlokal_sync_last_done_timestamp_seconds", "", lambda: self._last_done_s)

    async def probe(self) -> None:
        """Ask each dependency for a sign of life."""
        report = await self._health.dependencies()
        self._up.update({name: float(found["state"] != "down") for name, found in report.items()})

    async def count(self) -> None:
        """Look into the tables. Raises FarmLokalError when the database does not answer; then the old numbers stay."""
        for state in State:
            self._events[state] = await self._inbox.count(state, counted_max=_EVENTS_COUNTED_MAX)
        done_ms = await self._runs.last_done_ms()
        self._last_done_s = math.nan if done_ms is None else done_ms / 1000

    async def keep_probing(self) -> None:
        """Probe again and again, until cancelled."""
        while True:
            await self.probe()
            await asyncio.sleep(_PROBE_EVERY_S)

    async def keep_counting(self) -> None:
        """Count once a minute, until cancelled."""
        while True:
            try:
                await self.count()
            except FarmLokalError as error:
                _log.debug("the tables could not be counted", reason=str(error))
            # Spread, so that processes that started together do not count together.
            await asyncio.sleep(_COUNT_EVERY_S * (0.9 + 0.1 * random.random()))  # noqa: S311 - not a secret
