"""Every route with its handler and its description: what is served is what is documented."""

from collections.abc import Sequence
from functools import partial

from aiohttp import web

from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.web import keys
from farmlokal.web.edge.expectations import check_expectation
from farmlokal.web.handlers import metrics
from farmlokal.web.handlers.changes import list_changes
from farmlokal.web.handlers.directory import list_farms, list_places, show_farm
from farmlokal.web.handlers.docs import show_docs, show_docs_file, show_document, show_problem
from farmlokal.web.handlers.health import show_liveness, show_readiness
from farmlokal.web.handlers.index import show_index
from farmlokal.web.handlers.partner_token import show_token
from farmlokal.web.handlers.prices import draw_prices, list_prices
from farmlokal.web.handlers.products import list_categories, list_products, show_product, suggest, summarise
from farmlokal.web.handlers.sync import show_sync, start_sync
from farmlokal.web.handlers.webhook import receive_webhook
from farmlokal.web.openapi import catalogue, changes, directory, partner, prices, service
from farmlokal.web.openapi import summary as summary_description
from farmlokal.web.openapi.operation import Route
from farmlokal.web.openapi.published import ApiDocument
from farmlokal.web.parameters import changes as change_parameters
from farmlokal.web.parameters import directory as directory_parameters
from farmlokal.web.parameters import prices as price_parameters
from farmlokal.web.parameters import suggesting, summary
from farmlokal.webhooks.registration import CALLBACK_PATH

_BESIDE_THE_LISTING = (
    Route("GET", "/", show_index, service.SHOW_INDEX),
    Route("GET", change_parameters.PATH, list_changes, changes.LIST_CHANGES),
    Route("GET", "/products/{id}", show_product, catalogue.SHOW_PRODUCT),
    Route("GET", price_parameters.PATH, list_prices, prices.LIST_PRICES),
    Route("GET", price_parameters.PICTURE_PATH, draw_prices, prices.DRAW_PRICES),
    Route("GET", suggesting.PATH, suggest, catalogue.SUGGEST),
    Route("GET", "/categories", list_categories, catalogue.LIST_CATEGORIES),
    Route("GET", directory_parameters.PLACES_PATH, list_places, directory.LIST_PLACES),
    Route("GET", directory_parameters.FARMS_PATH, list_farms, directory.LIST_FARMS),
    Route("GET", directory_parameters.FARM_PATH, show_farm, directory.SHOW_FARM),
    Route("GET", "/auth/token", show_token, partner.SHOW_TOKEN),
    Route("POST", "/external/sync", start_sync, partner.START_SYNC),
    Route("GET", "/external/sync", start_sync, partner.START_SYNC_BY_GET, allow_head=False),
    Route("GET", "/external/sync/{run}", show_sync, partner.SHOW_SYNC),
    Route("POST", CALLBACK_PATH, receive_webhook, partner.RECEIVE_WEBHOOK),
    Route("GET", "/livez", show_liveness, service.SHOW_LIVENESS),
    Route("GET", "/readyz", show_readiness, service.SHOW_READINESS),
    Route("GET", "/openapi.json", show_document, service.SHOW_DOCUMENT),
    Route("GET", "/docs", show_docs, service.SHOW_DOCS),
    Route("GET", "/docs/{file}", show_docs_file, service.SHOW_DOCS_FILE),
    Route("GET", "/problems/{name}", show_problem, service.SHOW_PROBLEM),
)


def routes_of(table: QuestionTable) -> tuple[Route, ...]:
    """Every route of a service of whose listing one may ask what `table` has."""
    return (
        Route("GET", "/products", list_products, catalogue.list_products(table)),
        # Before the pattern of one product, which it would be otherwise.
        Route("GET", summary.PATH, summarise, summary_description.summarise_products(table)),
        *_BESIDE_THE_LISTING,
    )


ROUTES = routes_of(TABLE)
# Not served where the metrics have a port of their own.
METRICS_ROUTE = Route("GET", metrics.PATH, metrics.show_metrics, service.SHOW_METRICS)


def add_routes(app: web.Application, routes: Sequence[Route]) -> None:
    """Serve `routes`, and the document that describes them."""
    for route in routes:
        if route.method == "GET":
            add = partial(app.router.add_get, allow_head=route.allow_head)
        else:
            add = partial(app.router.add_route, route.method)
        add(route.path, route.handler, expect_handler=check_expectation)
    app[keys.CACHEABLE] = frozenset(route.path for route in routes if route.operation.cacheable)
    app[keys.API_DOCUMENT] = ApiDocument(routes)
