"""Loading again what turned stale, behind those who are served meanwhile."""

import random
from collections.abc import Callable

from farmlokal.caching.entry import Entry
from farmlokal.caching.loading import Filled, Filler, Wanted
from farmlokal.caching.question import Question
from farmlokal.errors import Unavailable
from farmlokal.resilience.single_flight import SingleFlight
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.short_hash import short_hash

_log = get_logger(__name__)

# After a failed refresh the stale entry is served this long, ± 50 %, before the next attempt.
_RETRY_AFTER_S = 1.0


class Refresher:
    """Starts refreshes, at most one of a key at a time, and leaves a key alone for a while after one that failed."""

    def __init__(
        self,
        filler: Filler,
        flights: SingleFlight[Filled],
        *,
        clock: Callable[[], float],
        draw: Callable[[], float] = random.random,
    ) -> None:
        """flights: shared with whoever else loads. clock: wall seconds. draw: 0 to 1."""
        self._filler = filler
        self._flights = flights
        self._clock = clock
        self._draw = draw

    def refresh_behind(self, question: Question, entry: Entry, wanted: Wanted) -> None:
        """Have `entry` replaced by what is `wanted`, without waiting; not where that goes on or failed just now."""
        if entry.retry_at <= self._clock() and question.key not in self._flights:
            self._flights.start(question.key, lambda: self._refreshed(question, entry, wanted))

    def note_failure(self, entry: Entry) -> None:
        """The origin failed, and `entry` is served in place of an error."""
        entry.retry_at = self._clock() + _RETRY_AFTER_S * (0.5 + self._draw())

    async def _refreshed(self, question: Question, entry: Entry, wanted: Wanted) -> Filled:
        try:
            filled = await self._filler.fill(question, wanted)
        except Exception as error:
            self.note_failure(entry)
            if not isinstance(error, Unavailable):
                _log.exception("refresh failed", key=short_hash(question.key))
            raise
        entry.retry_at = 0.0
        return filled
