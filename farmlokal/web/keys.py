"""Every application key, with the type of what it holds."""

from aiohttp import web

from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.category_counts import CategoryCounts
from farmlokal.catalog.cursor import CursorSigner
from farmlokal.catalog.listing import Listing
from farmlokal.web.cache_headers import Freshness
from farmlokal.web.health import Health

CACHE = web.AppKey("CACHE", ReadThrough)
CATEGORY_COUNTS = web.AppKey("CATEGORY_COUNTS", CategoryCounts)
CURSORS = web.AppKey("CURSORS", CursorSigner)
FRESHNESS = web.AppKey("FRESHNESS", Freshness)
HEALTH = web.AppKey("HEALTH", Health)
LISTING = web.AppKey("LISTING", Listing)
