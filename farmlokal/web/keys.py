"""Every application key, with the type of what it holds."""

from aiohttp import web
from prometheus_client import CollectorRegistry

from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.changes.feed import ChangeFeed
from farmlokal.catalog.reading.category_counts import CategoryCounts
from farmlokal.catalog.reading.loaders import Listing
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.limiting.limiter import RateLimiter
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.sync.service import Sync
from farmlokal.web.answers.representation import Freshness
from farmlokal.web.edge.access_log import AccessLog
from farmlokal.web.edge.clients import ClientResolver
from farmlokal.web.edge.common_headers import CommonHeaders
from farmlokal.web.edge.lifecycle import Health
from farmlokal.web.edge.request_counts import RequestCounts
from farmlokal.web.openapi.published import ApiDocument
from farmlokal.web.parameters.directory import DirectoryQuestions
from farmlokal.web.parameters.prices import PriceQuestions
from farmlokal.web.parameters.query_string import IgnoredParameters
from farmlokal.web.parameters.questions import Questions
from farmlokal.web.parameters.suggesting import Suggesting
from farmlokal.web.parameters.summary import SummaryQuestions
from farmlokal.webhooks.receive import Receiver
from farmlokal.webhooks.signature import Verifier

# Where it is off there is none.
ACCESS_LOG = web.AppKey("ACCESS_LOG", AccessLog)
API_DOCUMENT = web.AppKey("API_DOCUMENT", ApiDocument)
# Their digests; see api_keys.
API_KEYS: web.AppKey[tuple[bytes, ...]] = web.AppKey("API_KEYS", tuple)
CACHE = web.AppKey("CACHE", ReadThrough)
# The patterns of the routes whose answers caches may keep.
CACHEABLE: web.AppKey[frozenset[str]] = web.AppKey("CACHEABLE", frozenset[str])
CATEGORY_COUNTS = web.AppKey("CATEGORY_COUNTS", CategoryCounts)
CHANGE_FEED = web.AppKey("CHANGE_FEED", ChangeFeed)
CLIENTS = web.AppKey("CLIENTS", ClientResolver)
COMMON_HEADERS = web.AppKey("COMMON_HEADERS", CommonHeaders)
DIRECTORY_QUESTIONS = web.AppKey("DIRECTORY_QUESTIONS", DirectoryQuestions)
FRESHNESS = web.AppKey("FRESHNESS", Freshness)
HEALTH = web.AppKey("HEALTH", Health)
IGNORED_PARAMETERS = web.AppKey("IGNORED_PARAMETERS", IgnoredParameters)
# Without a rate limit there is none.
LIMITER = web.AppKey("LIMITER", RateLimiter)
LISTING = web.AppKey("LISTING", Listing)
# What is scraped.
METRICS = web.AppKey("METRICS", CollectorRegistry)
PARTNER = web.AppKey("PARTNER", PartnerConnection)
PRICE_QUESTIONS = web.AppKey("PRICE_QUESTIONS", PriceQuestions)
QUESTIONS = web.AppKey("QUESTIONS", Questions)
RECEIVER = web.AppKey("RECEIVER", Receiver)
REQUEST_COUNTS = web.AppKey("REQUEST_COUNTS", RequestCounts)
SEARCH_NAMES = web.AppKey("SEARCH_NAMES", SearchNames)
SUGGESTING = web.AppKey("SUGGESTING", Suggesting)
SUMMARY_QUESTIONS = web.AppKey("SUMMARY_QUESTIONS", SummaryQuestions)
SYNC = web.AppKey("SYNC", Sync)
# Without secrets there is none.
VERIFIER = web.AppKey("VERIFIER", Verifier)
