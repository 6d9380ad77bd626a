"""Loading again what turned stale, behind those who are served meanwhile."""

import random
from collections.abc import Callable
from functools import partial

from farmlokal.caching.decision import Found
from farmlokal.caching.entry import Entry
from farmlokal.caching.loading import Loading
from farmlokal.caching.lookup import Accepts, Question
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.refresh_turns import RefreshTurns
from farmlokal.errors import Unavailable
from farmlokal.resilience.single_flight import SingleFlight
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.short_hash import short_hash

_log = get_logger(__name__)

# After a failed refresh the stale entry is served this long, ± 50 %, before the next attempt.
_RETRY_AFTER_S = 1.0


class Refresher:
    """Starts refreshes, at most one of a key at a time, and leaves a key alone for a while after one that failed.

    flights: shared with whoever else loads. memory: where both put what they bring. turns: says when each begins.
    clock: wall seconds. draw: gives a random number from 0 to 1.
    """

    def __init__(
        self,
        loading: Loading,
        flights: SingleFlight[Found],
        memory: MemoryTier,
        turns: RefreshTurns,
        *,
        clock: Callable[[], float],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._loading = loading
        self._flights = flights
        self._memory = memory
        self._turns = turns
        self._clock = clock
        self._draw = draw

    def refresh_behind(self, question: Question, entry: Entry, accepts: Accepts) -> None:
        """Have `entry` replaced by what `accepts` allows, without waiting; not where that goes on or failed just now.

        question: that of the entry's key.
        """
        key = question.key
        if entry.retry_at <= self._clock() and key not in self._flights and key not in self._turns:
            self._turns.put(key, partial(self._begin, question, entry, accepts))

    def _begin(self, question: Question, entry: Entry, accepts: Accepts) -> None:
        """Load, unless somebody who could not wait has done so meanwhile, or is at it."""
        held = self._memory.peek(question.key)
        replaced = held is not None and held.loaded_at > entry.loaded_at
        if not replaced and entry.retry_at <= self._clock() and question.key not in self._flights:
            self._flights.start(question.key, lambda: self._refreshed(question, entry, accepts))

    def pause(self, entry: Entry) -> None:
        """Try no refresh of `entry` for a while: the origin failed."""
        entry.retry_at = self._clock() + _RETRY_AFTER_S * (0.5 + self._draw())

    async def _refreshed(self, question: Question, entry: Entry, accepts: Accepts) -> Found:
        try:
            found = await self._loading.look_or_load(question, accepts)
        except Exception as error:
            self.pause(entry)
            if not isinstance(error, Unavailable):
                _log.exception("refresh failed", key=short_hash(question.key))
            raise
        entry.retry_at = 0.0
        return found
