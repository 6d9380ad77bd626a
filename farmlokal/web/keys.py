"""Every application key, with the type of what it holds."""

from aiohttp import web

from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.category_counts import CategoryCounts
from farmlokal.catalog.cursor import CursorSigner
from farmlokal.catalog.listing import Listing
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.sync import Sync
from farmlokal.web.cache_headers import Freshness
from farmlokal.web.health import Health
from farmlokal.webhooks.receive import Receiver
from farmlokal.webhooks.signature import Verifier

# Their digests; see api_keys.
API_KEYS: web.AppKey[tuple[bytes, ...]] = web.AppKey("API_KEYS", tuple)
CACHE = web.AppKey("CACHE", ReadThrough)
CATEGORY_COUNTS = web.AppKey("CATEGORY_COUNTS", CategoryCounts)
CURSORS = web.AppKey("CURSORS", CursorSigner)
FRESHNESS = web.AppKey("FRESHNESS", Freshness)
HEALTH = web.AppKey("HEALTH", Health)
LISTING = web.AppKey("LISTING", Listing)
PARTNER = web.AppKey("PARTNER", PartnerConnection)
RECEIVER = web.AppKey("RECEIVER", Receiver)
SYNC = web.AppKey("SYNC", Sync)
# Without secrets there is none.
VERIFIER = web.AppKey("VERIFIER", Verifier)
