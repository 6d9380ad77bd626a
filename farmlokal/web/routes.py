"""Every route with its handler and its description: what is served is what is documented."""

from collections.abc import Sequence

from aiohttp import web

from farmlokal.web import keys, metrics_route
from farmlokal.web.docs_pages import files_by_name, show_docs, show_docs_file, show_document, show_problem
from farmlokal.web.health_routes import show_liveness, show_readiness
from farmlokal.web.openapi import catalogue, partner, service
from farmlokal.web.openapi.operation import Route
from farmlokal.web.openapi.published import ApiDocument
from farmlokal.web.partner_token import show_token
from farmlokal.web.products import list_categories, list_products, show_product
from farmlokal.web.sync import show_sync, start_sync
from farmlokal.web.webhook import receive_webhook
from farmlokal.webhooks.registration import CALLBACK_PATH

ROUTES = (
    Route("GET", "/products", list_products, catalogue.LIST_PRODUCTS),
    Route("GET", "/products/{id}", show_product, catalogue.SHOW_PRODUCT),
    Route("GET", "/categories", list_categories, catalogue.LIST_CATEGORIES),
    Route("GET", "/auth/token", show_token, partner.SHOW_TOKEN),
    Route("POST", "/external/sync", start_sync, partner.START_SYNC),
    Route("GET", "/external/sync", start_sync, partner.START_SYNC_BY_GET, allow_head=False),
    Route("GET", "/external/sync/{run}", show_sync, partner.SHOW_SYNC),
    Route("POST", CALLBACK_PATH, receive_webhook, partner.RECEIVE_WEBHOOK),
    Route("GET", "/livez", show_liveness, service.SHOW_LIVENESS),
    Route("GET", "/readyz", show_readiness, service.SHOW_READINESS),
    Route("GET", "/openapi.json", show_document, service.SHOW_DOCUMENT),
    Route("GET", "/docs", show_docs, service.SHOW_DOCS),
    Route("GET", "/docs/{file}", show_docs_file, service.show_docs_file(files_by_name())),
    Route("GET", "/problems/{name}", show_problem, service.SHOW_PROBLEM),
)
# Not served where the metrics have a port of their own.
METRICS_ROUTE = Route("GET", metrics_route.PATH, metrics_route.show_metrics, service.SHOW_METRICS)


def add_routes(app: web.Application, routes: Sequence[Route]) -> None:
    """Serve `routes`, and the document that describes them."""
    for route in routes:
        if route.method == "GET":
            app.router.add_get(route.path, route.handler, allow_head=route.allow_head)
        else:
            app.router.add_route(route.method, route.path, route.handler)
    app[keys.API_DOCUMENT] = ApiDocument(routes)
