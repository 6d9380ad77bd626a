"""`create_app`: every resource and middleware in one place; `web/routes.py` has the routes."""

from functools import partial

from aiohttp import web

from farmlokal.app.aliases import aliases_of
from farmlokal.app.dependencies import database_probe, redis_client, redis_probe
from farmlokal.app.found import FOUND, Found
from farmlokal.app.metrics.assembly import Metrics
from farmlokal.app.metrics.metric_sources import (
    cache_sources,
    change_sources,
    database_sources,
    limit_sources,
    partner_sources,
    planner_sources,
    redis_sources,
    search_sources,
    summary_sources,
    sync_sources,
    webhook_sources,
)
from farmlokal.app.metrics.probes import Probes
from farmlokal.app.partner import partner_connection
from farmlokal.app.rate_limit import add_rate_limit
from farmlokal.app.readers import catalogue_database, reader_probes, reader_sources
from farmlokal.app.resources import (
    cache_context,
    category_counts_context,
    change_log_context,
    database_context,
    directory_counts_context,
    identity_context,
    mending_context,
    name_counts_context,
    partner_context,
    planner_context,
    rate_limit_context,
    ready_context,
    redis_context,
    registrar_context,
    retention_context,
    search_names_context,
    tracing_context,
)
from farmlokal.app.secret_key import signing_keys
from farmlokal.app.syncing import catalogue_sync
from farmlokal.app.webhooks import product_waker, webhook_receiver, webhook_registrar
from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.catalog.changes.feed import ChangeFeed
from farmlokal.catalog.changes.forgetting import Forgetting
from farmlokal.catalog.changes.sequencer import Sequencer
from farmlokal.catalog.counting.summary import Summaries
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.directory import FARM_PARAMETERS, PLACE_PARAMETERS
from farmlokal.catalog.question.prices import PAGE_PARAMETERS
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.reading.category_counts import CategoryCounts
from farmlokal.catalog.reading.directory import Directory
from farmlokal.catalog.reading.directory_counts import DirectoryCounts
from farmlokal.catalog.reading.hints import Hinting
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.catalog.reading.name_counts import NameCounts
from farmlokal.catalog.reading.price_history import PriceHistory
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.writing.mending import Mending
from farmlokal.database.address import SQLiteAddress, parse_address
from farmlokal.database.touching import InvalidateOrLeave
from farmlokal.database.unheard_tags import UnheardTags
from farmlokal.formats.ignored_parameters import parse_ignored
from farmlokal.formats.networks import parse_networks
from farmlokal.formats.origins import parse_origins
from farmlokal.formats.webhook_secrets import parse_secrets
from farmlokal.settings import Settings
from farmlokal.telemetry.board import OwnSlot, sole_slot
from farmlokal.telemetry.masking import mask_values
from farmlokal.web import keys
from farmlokal.web.answers.representation import Freshness
from farmlokal.web.edge.access_log import AccessLog
from farmlokal.web.edge.clients import ClientResolver
from farmlokal.web.edge.common_headers import CommonHeaders
from farmlokal.web.edge.cors import CrossOrigin
from farmlokal.web.edge.key_digests import key_digests
from farmlokal.web.edge.lifecycle import Health, Probe
from farmlokal.web.edge.middleware import edge_middleware, problem_middleware
from farmlokal.web.edge.request_counts import RequestCounts
from farmlokal.web.edge.trailing_slash import trailing_slash_middleware
from farmlokal.web.handlers.options import add_options_routes
from farmlokal.web.handlers.sync import FULL, stop_sync
from farmlokal.web.parameters import changes
from farmlokal.web.parameters.directory import DirectoryQuestions
from farmlokal.web.parameters.prices import PriceQuestions
from farmlokal.web.parameters.query_string import IgnoredParameters
from farmlokal.web.parameters.questions import Questions
from farmlokal.web.parameters.suggesting import Suggesting
from farmlokal.web.parameters.summary import SummaryQuestions
from farmlokal.web.routes import METRICS_ROUTE, add_routes, routes_of
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.retention import Retention
from farmlokal.webhooks.signature import Verifier


def create_app(settings: Settings, own: OwnSlot | None = None, table: QuestionTable = TABLE) -> web.Application:
    """Return the application. Nothing is connected before it starts.

    own: the slot of a process that is one of several; by default the process is the only one. table: what may be asked
    of the listing.
    """
    mask_values(settings.secret_values())
    own = own or sole_slot()
    request_counts = RequestCounts(own.slot)
    address = parse_address(settings.database_url)
    database, readers, causality, reads = catalogue_database(settings)
    redis = redis_client(settings.redis_url, settings.redis_wait_ms / 1000) if settings.redis_url else None
    wait_max_s = settings.redis_wait_ms / 1000
    second = RedisTier(redis, None, wait_max_s=wait_max_s, positions=causality is not None) if redis else None
    memory = MemoryTier(settings.l1_bytes)
    cache = ReadThrough(
        memory,
        second,
        lifetime=Lifetime(settings.cache_ttl_s, settings.stale_s),
        origin_loads=settings.origin_loads or settings.database_pool,
        causality=causality,
        left_tags=UnheardTags(database),
        hangs=partial(getattr, database, "hangs"),
    )
    key_path = address.path if isinstance(address, SQLiteAddress) else None
    signer = CursorSigner(signing_keys(settings.secret_key, key_path))
    invalidate = InvalidateOrLeave(cache.invalidate, partial(getattr, cache, "unheard"))
    mending = Mending(database, invalidate)
    store = ProductStore(
        database, table, complete=lambda: mending.complete, units_complete=lambda: mending.units_complete
    )
    names = SearchNames(database, cache, aliases_of(settings), unheard_max_s=settings.cache_ttl_s / 2)
    hinting = Hinting(database, names.index.regions)
    listing = Listing(store, signer, names, hinting)
    counts = CategoryCounts(cache, listing)
    change_feed, sequencer = ChangeFeed(database), Sequencer(database)
    inbox = Inbox(database)
    partner = partner_connection(settings, second)
    receiver = webhook_receiver(database, inbox, invalidate, source=settings.partner_source)
    wake = product_waker(receiver)
    sync = catalogue_sync(database, partner, source=settings.partner_source, invalidate=invalidate, wake=wake)
    verifier = Verifier(parse_secrets(settings.webhook_secrets)) if settings.webhook_secrets is not None else None
    own_names = frozenset(
        (
            *(*table.parameters, *PAGE_PARAMETERS, *PLACE_PARAMETERS, *FARM_PARAMETERS),
            *(*changes.PARAMETERS, FULL.name),
        )
    )
    ignored = IgnoredParameters(*parse_ignored(settings.ignored_parameters), own_names)

    app = web.Application(middlewares=[edge_middleware, problem_middleware])
    found = app[FOUND] = Found()
    if settings.access_log == "on":
        proxies = parse_networks(settings.trusted_proxies) if settings.trusted_proxies else ()
        app[keys.ACCESS_LOG] = AccessLog(ClientResolver(proxies))
        request_counts.listeners.append(app[keys.ACCESS_LOG].write_of)
    app[keys.API_KEYS] = key_digests(settings.api_keys.split(",") if settings.api_keys else ())
    app[keys.CACHE] = cache
    app[keys.CATEGORY_COUNTS] = counts
    app[keys.CHANGE_FEED] = change_feed
    origins = parse_origins(settings.cors_origins) if settings.cors_origins else frozenset()
    app[keys.COMMON_HEADERS] = CommonHeaders(CrossOrigin(origins))
    app[keys.DIRECTORY_QUESTIONS] = DirectoryQuestions(signer, cache, Directory(database, signer, hinting), ignored)
    app[keys.FRESHNESS] = Freshness(settings.stale_s)
    app[keys.IGNORED_PARAMETERS] = ignored
    app[keys.LISTING] = listing
    app[keys.PARTNER] = partner
    app[keys.PRICE_QUESTIONS] = PriceQuestions(signer, cache, PriceHistory(database, signer), ignored)
    questions = app[keys.QUESTIONS] = Questions(signer, cache, listing, table, ignored, index=names.index)
    names.on_change.append(questions.forget)
    app[keys.SEARCH_NAMES] = names
    app[keys.SUGGESTING] = Suggesting(cache, names, ignored)
    summaries = Summaries(database, store, names, hinting)
    app[keys.SUMMARY_QUESTIONS] = SummaryQuestions(signer, cache, summaries, table, ignored, index=names.index)
    app[keys.RECEIVER] = receiver
    app[keys.REQUEST_COUNTS] = request_counts
    if verifier is not None:
        app[keys.VERIFIER] = verifier
    app[keys.SYNC] = sync
    limiting = add_rate_limit(app, settings)
    app.middlewares.append(trailing_slash_middleware)
    shared_limit = limiting[0] if limiting is not None else None
    probes: dict[str, Probe] = {"database": database_probe(database), **reader_probes(readers)}
    if second is not None:
        probes["redis"] = redis_probe(second, shared_limit)
    health = app[keys.HEALTH] = Health(probes)
    metrics = Metrics(
        own,
        request_counts,
        health,
        [
            *cache_sources(cache, memory),
            *search_sources(names.index),
            *planner_sources(store.planner),
            *summary_sources(summaries),
            *database_sources(database),
            *reader_sources(reads),
            *partner_sources(partner),
            *sync_sources(sync),
            *change_sources(sequencer),
            *webhook_sources(receiver, verifier),
            *limit_sources(app.get(keys.LIMITER), shared_limit),
            *redis_sources(second),
        ],
        Probes(health, inbox, sync.runs, sequencer),
    )
    app[keys.METRICS] = metrics.registry
    app.on_shutdown.append(stop_sync)
    app.cleanup_ctx.extend(
        [
            tracing_context(),
            metrics.counting,
            database_context(database, found, statement_limit_s=settings.statement_limit_ms / 1000),
            planner_context(store.planner, found),
            search_names_context(names),
            redis_context(redis, second),
            identity_context(
                database,
                *(one.belong_to for one in (second, shared_limit, change_feed, *readers) if one is not None),
            ),
            *([rate_limit_context(*limiting)] if limiting is not None else []),
            cache_context(cache),
            mending_context(mending),
            category_counts_context(counts),
            name_counts_context(NameCounts(database, cache)),
            directory_counts_context(DirectoryCounts(database, cache)),
            partner_context(partner),
            registrar_context(webhook_registrar(partner, settings.public_url)),
            retention_context(Retention(inbox, keep_days=settings.webhook_keep_days)),
            change_log_context(sequencer, Forgetting(database, keep_days=settings.changes_keep_days)),
            ready_context(health, names),
            metrics.probing,
        ]
    )
    routes = routes_of(table)
    add_routes(app, routes if settings.metrics_port is not None else (*routes, METRICS_ROUTE))
    add_options_routes(app)
    return app
