"""The origin behind the cache: a bounded number of loads at once, each bounded in time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.lookup import Loader
from farmlokal.caching.value import Value
from farmlokal.errors import OriginBusy, Unavailable
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# A miss that finds no free slot within this time is refused: by then the origin is a queue that only grows.
SLOT_WAIT_MAX_S = 5.0
# Longer than any statement may run, and short enough for a caller to hear of it.
LOAD_MAX_S = 10.0
# One slow statement is no outage; so many failures in a row are.
_FAILURES_MAX = 3


class Origin:
    """At most `loads_max` loads at once. Logs when loads begin to fail, and when they no longer do.

    slot_wait_max_s: the longest wait for one to begin. load_max_s: the longest that one runs.
    """

    def __init__(self, loads_max: int, *, slot_wait_max_s: float, load_max_s: float, counts: CacheCounts) -> None:
        self._loads_max = loads_max
        self._slots = asyncio.Semaphore(loads_max)
        self._taken = 0
        self._slot_wait_max_s = slot_wait_max_s
        self._load_max_s = load_max_s
        self._failures = 0
        self._counts = counts

    def __repr__(self) -> str:
        return f"<Origin free_slots={self._loads_max - self._taken} failures={self._failures}>"

    @property
    def has_room(self) -> bool:
        """Whether half of the slots are free, so that a load that nobody waits for leaves enough to those who wait."""
        return 2 * self._taken <= self._loads_max

    @property
    def full(self) -> bool:
        """Whether a load would have to wait for a slot."""
        return self._slots.locked()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots within the block. Raises OriginBusy when all stay taken."""
        started = time.perf_counter()
        if self.full:
            await self._wait_for_slot()
        else:
            await self._slots.acquire()  # at once
        self._taken += 1
        try:
            self._counts.wait_times.observe(time.perf_counter() - started)
            yield
        finally:
            self._taken -= 1
            self._slots.release()

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(self._slot_wait_max_s):
                await self._slots.acquire()
        except TimeoutError as error:
            self._counts.refused += 1
            raise OriginBusy(f"no origin load could start within {self._slot_wait_max_s:g} s") from error

    async def load(self, load: Loader) -> Value:
        """Return what `load` does; a slot must be held. Raises what it raises, and Unavailable at its deadline."""
        started, counts = time.perf_counter(), self._counts
        counts.running += 1
        try:
            value = await self._bounded(load)
        except Exception:
            counts.failed += 1
            raise
        else:
            counts.loaded += 1
            return value
        finally:
            counts.running -= 1
            counts.load_times.observe(time.perf_counter() - started)

    async def _bounded(self, load: Loader) -> Value:
        deadline = asyncio.timeout(self._load_max_s)
        try:
            async with deadline:
                value = await load()
        except TimeoutError as error:
            if not deadline.expired():
                raise
            self._fail("deadline")
            raise Unavailable(f"a load did not end within {self._load_max_s:g} s") from error
        except Unavailable as error:
            if not error.reported:
                self._fail(str(error))
            raise
        if self._failures >= _FAILURES_MAX:
            _log.info("the origin answers again")
        self._failures = 0
        return value

    def _fail(self, reason: str) -> None:
        self._failures += 1
        if self._failures == _FAILURES_MAX:
            _log.warning("the origin does not answer: serving what is kept", reason=reason)
