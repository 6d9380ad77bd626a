"""Keeping what search holds in memory as the catalogue has it: the names, how common they are, and the places."""

import asyncio
import time
from collections.abc import Callable, Sequence

from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.planning.stepwise import Steps
from farmlokal.catalog.search.aliases import Aliases
from farmlokal.catalog.search.index import SearchIndex
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.catalog.tags import NAMES
from farmlokal.database.interface import Database, Row
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# How soon a process that nobody asks anything in words reads the names that it heard of.
_LOOK_INTERVAL_S = 1.0
# Places come and numbers of products change more slowly, and nothing is wrong while they are a little old.
_READ_INTERVAL_S = 120
# Between two steps beside requests: they get most of the time.
_PAUSE_S = 0.002
# No longer than a page may be called fresh that nobody told of.
_UNHEARD_MAX_S = 15.0
_FARMS_PER_READ = 1000
_FARMS_PER_STEP = 200
# To read the names of more farms, and the places, is a sixth of a start. What is not asked in words is answered before.
_FARMS_BEFORE_SERVING = 10_000

_NAMES = "SELECT id, name, category, products FROM names WHERE id > %s ORDER BY id"
# By the filter that a place becomes: what it is shown as, its normal form, and the index in which that comes first.
_REGIONS = {
    "district": ("district", "district_key", "listing_of_district"),
    "state": ("state", "state_key", "listing_of_state"),
}


class SearchNames:
    """The index of search, and its keeping.

    Where a name is born a tag of the cache is invalidated, so a process hears of it as soon as of anything else. What
    it does not hear of, without Redis or where a notice is lost, it looks for itself.
    """

    def __init__(
        self, database: Database, cache: ReadThrough, aliases: Aliases, *, unheard_max_s: float = _UNHEARD_MAX_S
    ) -> None:
        """unheard_max_s: seconds after which names that nobody told of are looked for."""
        self.index = SearchIndex(aliases)
        # Called when what words mean may have changed.
        self.on_change: list[Callable[[], object]] = []
        self._database = database
        self._cache = cache
        self._unheard_max_s = unheard_max_s
        self._seen = (0, 0)
        self._heard_at = -1
        self._looked_s = 0.0
        self._last_id = 0
        self._last_farm_id = 0
        self._reading = asyncio.Lock()
        # Set once the names and places are known that there were at the start. Before, words cannot be understood.
        self.complete = asyncio.Event()

    def __repr__(self) -> str:
        return f"<SearchNames seen={self._seen!r} {self.index!r}>"

    async def start(self) -> None:
        """Read the names, before anybody is served; the places as well, where farms are few.

        Else `keep_counts` begins with the places. Raises DatabaseUnavailable.
        """
        await self._read_names(gradually=False)
        ((last_farm_id,),) = await self._database.fetch("SELECT COALESCE(MAX(id), 0) FROM farms")
        if last_farm_id <= _FARMS_BEFORE_SERVING:
            await self._read_places(gradually=False)

    async def catch_up(self) -> None:
        """Return when every name is known whose birth this process has heard of. Raises DatabaseUnavailable."""
        if self._cache.last_heard(NAMES) != self._heard_at:
            await self._read_new()

    async def keep(self) -> None:
        """Hear of new names, until cancelled."""
        await self._done(self.index.catching_up(), gradually=True)
        await every(_LOOK_INTERVAL_S, self._look, log=_log, failed="names not refreshed", wait_first=True)

    async def keep_counts(self) -> None:
        """Read the numbers of products and the places again and again, until cancelled."""
        await every(
            lambda: _READ_INTERVAL_S if self.complete.is_set() else _LOOK_INTERVAL_S,
            self._read_all,
            log=_log,
            failed="places not refreshed",
            wait_first=self.complete.is_set(),
        )

    async def _look(self) -> None:
        if time.monotonic() - self._looked_s >= self._unheard_max_s:
            await self._read_new()
        else:
            await self.catch_up()

    async def _newest(self) -> tuple[int, int]:
        """How many names there are, and the last one's id: by it what is here is compared with what there is."""
        looked_s = time.monotonic()
        ((count, last_id),) = await self._database.fetch("SELECT COUNT(*), COALESCE(MAX(id), 0) FROM names")
        self._looked_s = looked_s
        return count, last_id

    async def _read_new(self) -> None:
        async with self._reading:
            heard_at, newest = self._cache.last_heard(NAMES), await self._newest()
            if newest != self._seen:
                await self._take_names(await self._database.fetch_unlimited(_NAMES, (self._last_id,)))
                # Ids are given before the commit: a lower one may come later.
                if len(self.index.vocabulary) < newest[0]:
                    await self._take_names(await self._database.fetch_unlimited(_NAMES, (0,)))
                self._seen = newest
            # Not before: who comes meanwhile waits for these names as well.
            self._heard_at = heard_at

    async def _read_all(self) -> None:
        gradually = self.complete.is_set()
        await self._read_names(gradually=gradually)
        await self._read_places(gradually=gradually)

    async def _read_names(self, *, gradually: bool) -> None:
        async with self._reading:
            heard_at, newest = self._cache.last_heard(NAMES), await self._newest()
            await self._take_names(await self._database.fetch_unlimited(_NAMES, (0,)), gradually=gradually)
            await self._done(self.index.ranking(), gradually=gradually)
            self._seen, self._heard_at = newest, heard_at
            self._changed()

    async def _read_places(self, *, gradually: bool) -> None:
        for filter_name, columns in _REGIONS.items():
            regions = await self._regions(*columns)
            self.index.places.add_regions(filter_name, [key for key, _ in regions])
            self.index.regions[filter_name].learn(regions)
        await self._take_farms(gradually=gradually)
        self._changed()
        self.complete.set()

    async def _regions(self, name: str, key: str, index: str) -> list[tuple[str, str]]:
        """Every value of the column `key`, with what one product has in the column `name`, by a seek for each.

        DISTINCT would read the whole index. So would, once for each value, a recursive query: MariaDB seeks to no value
        that it has only just found, and took minutes for a million products.
        """
        hint = self._database.dialect.index_hint.format(index)
        seek = f"SELECT {key}, {name} FROM products {hint} WHERE live = 1 AND {key} > %s ORDER BY {key} LIMIT 1"
        found: list[tuple[str, str]] = []
        while rows := await self._database.fetch_unlimited(seek, (found[-1][0] if found else "",)):
            found.append(rows[0])
        return found

    async def _take_names(self, rows: Sequence[Row], *, gradually: bool = True) -> None:
        if rows:
            await self._done(self.index.adding(Name(*row) for row in rows), gradually=gradually)
            self._last_id = max(self._last_id, rows[-1][0])
            self._changed()

    async def _take_farms(self, *, gradually: bool) -> None:
        while True:
            rows = await self._database.fetch_unlimited(
                f"SELECT id, name FROM farms WHERE id > %s ORDER BY id LIMIT {_FARMS_PER_READ}", (self._last_farm_id,)
            )
            if not rows:
                return
            await self._done(self._adding_farms(rows), gradually=gradually)
            self._last_farm_id = rows[-1][0]

    def _adding_farms(self, rows: Sequence[Row]) -> Steps[None]:
        for count, (farm_id, name) in enumerate(rows, 1):
            self.index.places.add_farm(farm_id, name)
            if count % _FARMS_PER_STEP == 0:
                yield

    def _changed(self) -> None:
        self.index.changed()
        for changed in self.on_change:
            changed()

    @staticmethod
    async def _done(steps: Steps[None], *, gradually: bool) -> None:
        """Take `steps`. gradually: with pauses, in which requests are answered; else these have a turn in between."""
        for _ in steps:
            await asyncio.sleep(_PAUSE_S if gradually else 0)
