"""`create_app`: every resource, middleware and route in one place."""

from aiohttp import web

from farmlokal.app.partner import partner_connection
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
)
from farmlokal.app.secret_key import signing_keys
from farmlokal.app.syncing import catalogue_sync
from farmlokal.app.webhooks import webhook_receiver, webhook_registrar
from farmlokal.caching.lifetime import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis_tier import RedisTier
from farmlokal.catalog.category_counts import CategoryCounts
from farmlokal.catalog.cursor import CursorSigner
from farmlokal.catalog.listing import Listing
from farmlokal.catalog.store import ProductStore
from farmlokal.database.address import SQLiteAddress, parse_address
from farmlokal.database.connect import database_at
from farmlokal.settings import Settings
from farmlokal.web import keys
from farmlokal.web.api_keys import key_digests
from farmlokal.web.cache_headers import Freshness
from farmlokal.web.health import Health, Probe, add_health_routes
from farmlokal.web.middleware import problem_middleware, request_id_middleware
from farmlokal.web.partner_token import show_token
from farmlokal.web.products import list_categories, list_products, show_product
from farmlokal.web.sync import show_sync, start_sync, stop_sync
from farmlokal.web.webhook import receive_webhook
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.reaper import Reaper
from farmlokal.webhooks.registration import CALLBACK_PATH
from farmlokal.webhooks.signature import Verifier


def create_app(settings: Settings) -> web.Application:
    """The application. Nothing is connected before it starts."""
    address = parse_address(settings.database_url)
    database = database_at(address, pool_size=settings.database_pool, statement_limit_ms=settings.statement_limit_ms)
    redis = redis_client(settings.redis_url, settings.redis_wait_ms / 1000) if settings.redis_url else None
    second = RedisTier(redis, wait_max_s=settings.redis_wait_ms / 1000) if redis else None
    cache = ReadThrough(
        MemoryTier(settings.l1_bytes),
        second,
        lifetime=Lifetime(settings.cache_ttl_s, settings.stale_s),
        origin_loads=settings.origin_loads or settings.database_pool,
    )
    key_path = address.path if isinstance(address, SQLiteAddress) else None
    signer = CursorSigner(signing_keys(settings.secret_key, key_path))
    store = ProductStore(database)
    listing = Listing(store, signer)
    counts = CategoryCounts(cache, listing)
    inbox = Inbox(database)
    partner = partner_connection(settings, second)
    sync = catalogue_sync(database, partner, source=settings.partner_source, on_change=cache.invalidate)
    probes: dict[str, Probe] = {"database": database.ping}
    if redis:
        probes["redis"] = redis.ping
    health = Health(probes)

    app = web.Application(middlewares=[request_id_middleware, problem_middleware])
    app[keys.API_KEYS] = key_digests(settings.api_keys.split(",") if settings.api_keys else ())
    app[keys.CACHE] = cache
    app[keys.CATEGORY_COUNTS] = counts
    app[keys.CURSORS] = signer
    app[keys.FRESHNESS] = Freshness(settings.stale_s)
    app[keys.HEALTH] = health
    app[keys.LISTING] = listing
    app[keys.PARTNER] = partner
    app[keys.RECEIVER] = webhook_receiver(database, inbox, cache.invalidate, source=settings.partner_source)
    if settings.webhook_secrets is not None:
        app[keys.VERIFIER] = Verifier(settings.webhook_secrets.split(","))
    app[keys.SYNC] = sync
    app.on_shutdown.append(stop_sync)
    app.cleanup_ctx.extend(
        [
            database_context(database),
            planner_context(store.planner),
            redis_context(redis),
            cache_context(cache),
            category_counts_context(counts),
            partner_context(partner),
            registrar_context(webhook_registrar(partner, settings.public_url)),
            reaper_context(Reaper(inbox, keep_days=settings.webhook_keep_days)),
            ready_context(health),
        ]
    )
    app.router.add_get("/products", list_products)
    app.router.add_get("/products/{id}", show_product)
    app.router.add_get("/categories", list_categories)
    app.router.add_get("/auth/token", show_token)
    app.router.add_get("/external/sync", start_sync, allow_head=False)
    app.router.add_post("/external/sync", start_sync)
    app.router.add_get("/external/sync/{run}", show_sync)
    app.router.add_post(CALLBACK_PATH, receive_webhook)
    add_health_routes(app, health)
    return app
