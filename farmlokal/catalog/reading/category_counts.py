"""How many products each category has, counted in the background so that no request waits for a count."""

from farmlokal.caching.lookup import Lifetime, Lookup
from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.reading.loaders import Listing
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# Its place in the cache.
KEY = "categories"
# Counted every two minutes at least, and fresh for four (± 10 %): what a client sees lags less than five, and one count
# that fails still leaves time for the next.
INTERVAL_S = 120
LIFETIME = Lifetime(ttl_s=240, stale_s=3600)


class CategoryCounts:
    """Keeps the category counts in the cache."""

    def __init__(self, cache: ReadThrough, listing: Listing) -> None:
        self._cache = cache
        self._question = cache.question(KEY, listing.categories, lifetime=LIFETIME)

    async def get(self) -> Lookup:
        """The finished answer of `GET /categories`."""
        return await self._cache.ask(self._question)

    async def keep(self) -> None:
        """Count again and again, until cancelled."""
        await every(INTERVAL_S, self._count, log=_log, failed="category counts not refreshed")

    async def _count(self) -> None:
        await self._cache.refresh(self._question)
