"""Keeping the numbers of products in the directory: counted by one process for all."""

from farmlokal.caching.lookup import Lifetime, Outcome
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.catalog.tags import DIRECTORY
from farmlokal.catalog.writing.directory_counts import count_directory
from farmlokal.database.interface import Database
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# With a pass of up to a minute and a page's own fresh time, what a client sees lags less than five minutes.
_TURN = Lifetime(ttl_s=120, stale_s=0)
_LOOK_INTERVAL_S = 5


class DirectoryCounts:
    """Counts again and again, where no other process has done so just now.

    Whose turn it is is settled by an entry of the cache: the process that loads it counts. The pass itself is no load:
    it takes longer than one may.
    """

    def __init__(self, database: Database, cache: ReadThrough) -> None:
        self._database = database
        self._cache = cache
        self._turn = cache.question("directory/counted", self._take, lifetime=_TURN)

    async def keep(self) -> None:
        """Count until cancelled."""
        await every(_LOOK_INTERVAL_S, self._count_in_turn, log=_log, failed="directory not counted", wait_first=True)

    async def count(self) -> None:
        """Count now. Raises DatabaseUnavailable."""
        if await count_directory(self._database):
            await self._cache.invalidate([DIRECTORY])

    async def _count_in_turn(self) -> None:
        lookup = await self._cache.ask(self._turn)
        if lookup.outcome is Outcome.MISS and not lookup.collapsed:
            await self.count()

    async def _take(self) -> Value:
        # Asked, although nothing is read: a load that succeeds tells the cache that the origin answers.
        await self._database.fetch("SELECT id FROM catalogue")
        return Value(b"taken")
