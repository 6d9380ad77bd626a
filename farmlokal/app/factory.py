"""`create_app`: every resource and middleware in one place; `web/routes.py` has the routes."""

from aiohttp import web

from farmlokal.app.metrics.assembly import Metrics
from farmlokal.app.metrics.metric_sources import (
    breaker_reading,
    cache_readings,
    database_readings,
    limit_readings,
    partner_readings,
    sync_readings,
    webhook_readings,
)
from farmlokal.app.metrics.probes import Watch
from farmlokal.app.partner import partner_connection
from farmlokal.app.rate_limit import add_rate_limit
from farmlokal.app.resources import (
    cache_context,
    category_counts_context,
    database_context,
    partner_context,
    planner_context,
    ready_context,
    reaper_context,
    redis_client,
    redis_context,
    registrar_context,
    tracing_context,
)
from farmlokal.app.secret_key import signing_keys
from farmlokal.app.syncing import catalogue_sync
from farmlokal.app.webhooks import webhook_receiver, webhook_registrar
from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.reading.category_counts import CategoryCounts
from farmlokal.catalog.reading.loaders import Listing
from farmlokal.catalog.reading.store import ProductStore
from farmlokal.database.address import SQLiteAddress, parse_address
from farmlokal.database.connect import database_at
from farmlokal.settings import Settings
from farmlokal.telemetry.board import Seat, only_seat
from farmlokal.telemetry.masking import mask_values
from farmlokal.web import keys
from farmlokal.web.answers.representation import Freshness
from farmlokal.web.edge.access_log import AccessLog
from farmlokal.web.edge.clients import ClientResolver, parse_networks
from farmlokal.web.edge.common_headers import CommonHeaders
from farmlokal.web.edge.cors import CrossOrigin
from farmlokal.web.edge.key_digests import key_digests
from farmlokal.web.edge.lifecycle import Health, Probe
from farmlokal.web.edge.middleware import edge_middleware, problem_middleware
from farmlokal.web.edge.request_counts import RequestCounts
from farmlokal.web.handlers.options import add_options_routes
from farmlokal.web.handlers.sync import stop_sync
from farmlokal.web.parameters.questions import Questions
from farmlokal.web.routes import METRICS_ROUTE, add_routes, routes_of
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.retention import Reaper
from farmlokal.webhooks.signature import Verifier


def create_app(settings: Settings, seat: Seat | None = None, table: QuestionTable = TABLE) -> web.Application:
    """The application. Nothing is connected before it starts.

    seat: of a process that is one of several. table: what may be asked of the listing.
    """
    mask_values(settings.secret_values())
    seat = seat or only_seat()
    request_counts = RequestCounts(seat.slot)
    address = parse_address(settings.database_url)
    database = database_at(address, pool_size=settings.database_pool, statement_limit_ms=settings.statement_limit_ms)
    redis = redis_client(settings.redis_url, settings.redis_wait_ms / 1000) if settings.redis_url else None
    second = RedisTier(redis, wait_max_s=settings.redis_wait_ms / 1000) if redis else None
    memory = MemoryTier(settings.l1_bytes)
    cache = ReadThrough(
        memory,
        second,
        lifetime=Lifetime(settings.cache_ttl_s, settings.stale_s),
        origin_loads=settings.origin_loads or settings.database_pool,
    )
    key_path = address.path if isinstance(address, SQLiteAddress) else None
    signer = CursorSigner(signing_keys(settings.secret_key, key_path))
    store = ProductStore(database, table)
    listing = Listing(store, signer)
    counts = CategoryCounts(cache, listing)
    inbox = Inbox(database)
    partner = partner_connection(settings, second)
    sync = catalogue_sync(database, partner, source=settings.partner_source, on_change=cache.invalidate)
    probes: dict[str, Probe] = {"database": database.ping}
    if redis:
        probes["redis"] = redis.ping
    health = Health(probes)
    receiver = webhook_receiver(database, inbox, cache.invalidate, source=settings.partner_source)
    verifier = Verifier(settings.webhook_secrets.split(",")) if settings.webhook_secrets is not None else None

    app = web.Application(middlewares=[edge_middleware, problem_middleware])
    if settings.access_log == "on":
        proxies = parse_networks(settings.trusted_proxies) if settings.trusted_proxies else ()
        app[keys.ACCESS_LOG] = AccessLog(ClientResolver(proxies))
        request_counts.listeners.append(app[keys.ACCESS_LOG].write_of)
    app[keys.API_KEYS] = key_digests(settings.api_keys.split(",") if settings.api_keys else ())
    app[keys.CACHE] = cache
    app[keys.CATEGORY_COUNTS] = counts
    origins = frozenset(settings.cors_origins.split(",") if settings.cors_origins else ())
    app[keys.COMMON_HEADERS] = CommonHeaders(CrossOrigin(origins))
    app[keys.FRESHNESS] = Freshness(settings.stale_s)
    app[keys.HEALTH] = health
    app[keys.LISTING] = listing
    app[keys.PARTNER] = partner
    app[keys.QUESTIONS] = Questions(signer, cache, listing, table)
    app[keys.RECEIVER] = receiver
    app[keys.REQUEST_COUNTS] = request_counts
    if verifier is not None:
        app[keys.VERIFIER] = verifier
    app[keys.SYNC] = sync
    shared_limit = add_rate_limit(app, settings)
    metrics = Metrics(
        seat,
        request_counts,
        health,
        [
            *cache_readings(cache, memory),
            *database_readings(database),
            *partner_readings(partner),
            *sync_readings(sync),
            *webhook_readings(receiver, verifier),
            *limit_readings(app.get(keys.LIMITER), shared_limit),
            breaker_reading("redis", None if second is None else second.breaker),
        ],
        Watch(health, inbox, sync.runs),
    )
    app[keys.METRICS] = metrics.registry
    app.on_shutdown.append(stop_sync)
    app.cleanup_ctx.extend(
        [
            tracing_context(),
            metrics.counting,
            database_context(database),
            planner_context(store.planner),
            redis_context(redis),
            cache_context(cache),
            category_counts_context(counts),
            partner_context(partner),
            registrar_context(webhook_registrar(partner, settings.public_url)),
            reaper_context(Reaper(inbox, keep_days=settings.webhook_keep_days)),
            ready_context(health),
            metrics.watching,
        ]
    )
    routes = routes_of(table)
    add_routes(app, routes if settings.metrics_port is not None else (*routes, METRICS_ROUTE))
    add_options_routes(app)
    return app
