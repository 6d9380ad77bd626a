"""`create_app`: every resource, middleware and route in one place."""

from aiohttp import web

from farmlokal.app.resources import (
    cache_context,
    category_counts_context,
    database_context,
    ready_context,
    redis_client,
    redis_context,
)
from farmlokal.app.secret_key import signing_keys
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
from farmlokal.web.cache_headers import Freshness
from farmlokal.web.health import Health, Probe, add_health_routes
from farmlokal.web.middleware import problem_middleware, request_id_middleware
from farmlokal.web.products import list_categories, list_products, show_product


def create_app(settings: Settings) -> web.Application:
    """The application. Nothing is connected before it starts."""
    address = parse_address(settings.database_url)
    database = database_at(address, pool_size=settings.database_pool, statement_limit_ms=settings.statement_limit_ms)
    redis = redis_client(settings.redis_url, settings.redis_wait_ms / 1000) if settings.redis_url else None
    cache = ReadThrough(
        MemoryTier(settings.l1_bytes),
        RedisTier(redis, wait_max_s=settings.redis_wait_ms / 1000) if redis else None,
        lifetime=Lifetime(settings.cache_ttl_s, settings.stale_s),
        origin_loads=settings.origin_loads or settings.database_pool,
    )
    key_path = address.path if isinstance(address, SQLiteAddress) else None
    signer = CursorSigner(signing_keys(settings.secret_key, key_path))
    listing = Listing(ProductStore(database), signer)
    counts = CategoryCounts(cache, listing)
    probes: dict[str, Probe] = {"database": database.ping}
    if redis:
        probes["redis"] = redis.ping
    health = Health(probes)

    app = web.Application(middlewares=[request_id_middleware, problem_middleware])
    app[keys.CACHE] = cache
    app[keys.CATEGORY_COUNTS] = counts
    app[keys.CURSORS] = signer
    app[keys.FRESHNESS] = Freshness(settings.stale_s)
    app[keys.HEALTH] = health
    app[keys.LISTING] = listing
    app.cleanup_ctx.extend(
        [
            database_context(database),
            redis_context(redis),
            cache_context(cache),
            category_counts_context(counts),
            ready_context(health),
        ]
    )
    app.router.add_get("/products", list_products)
    app.router.add_get("/products/{id}", show_product)
    app.router.add_get("/categories", list_categories)
    add_health_routes(app, health)
    return app
