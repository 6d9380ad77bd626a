"""Keeping the numbers of products that names have, for suggestions: counted by one process for all."""

from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.catalog.reading.category_counts import INTERVAL_S, LIFETIME
from farmlokal.catalog.writing.name_counts import count_names
from farmlokal.database.interface import Database
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)


class NameCounts:
    """Counts again and again. Which process does it is settled by the cache's lease: its entry is that it was done."""

    def __init__(self, database: Database, cache: ReadThrough) -> None:
        self._database = database
        self._cache = cache
        self._question = cache.question("names/counted", self._count, lifetime=LIFETIME)

    async def keep(self) -> None:
        """Count until cancelled."""
        await every(INTERVAL_S, self._refresh, log=_log, failed="names not counted", wait_first=True)

    async def _refresh(self) -> None:
        await self._cache.refresh(self._question)

    async def _count(self) -> Value:
        return Value(b"%d changed" % await count_names(self._database))
