"""`GET /products`, `GET /products/{id}` and `GET /categories`."""

from functools import partial

from aiohttp import web

from farmlokal.caching.lookup import Lookup
from farmlokal.catalog.tags import page_tags, product_tag
from farmlokal.errors import Fault, InvalidInput, NotFound
from farmlokal.web import keys
from farmlokal.web.links import link_header
from farmlokal.web.listing_parameters import parse_listing_query, parse_whole
from farmlokal.web.query_string import parse_query_string, shown

_parse_id = parse_whole(1, 2**63 - 1)


async def list_products(request: web.Request) -> web.Response:
    """One page of the catalogue: filtered, sorted, keyset-paginated."""
    app = request.app
    query = parse_listing_query(_raw_query(request), app[keys.CURSORS])
    lookup = await app[keys.CACHE].get(
        f"products?{query.canonical()}", partial(app[keys.LISTING].page, query), tags=page_tags(query)
    )
    response = _response(request, lookup)
    link = link_header(query, lookup.value)
    if link:
        response.headers["Link"] = link
    return response


async def show_product(request: web.Request) -> web.Response:
    """One product."""
    _refuse_parameters(request)
    text = request.match_info["id"]
    try:
        product_id = _parse_id(text)
    except ValueError as error:
        raise InvalidInput([Fault("id", shown(text), str(error))]) from None
    app = request.app
    lookup = await app[keys.CACHE].get(
        f"product/{product_id}", partial(app[keys.LISTING].product, product_id), tags=(product_tag(product_id),)
    )
    if lookup.value.negative:
        raise NotFound(lookup.value.body.decode())
    return _response(request, lookup)


async def list_categories(request: web.Request) -> web.Response:
    """Every category with its number of products."""
    _refuse_parameters(request)
    return _response(request, await request.app[keys.CATEGORY_COUNTS].get())


def _response(request: web.Request, lookup: Lookup) -> web.Response:
    headers = request.app[keys.FRESHNESS].headers(lookup)
    return web.Response(body=lookup.value.body, headers=headers, content_type="application/json")


def _raw_query(request: web.Request) -> str:
    # As it was sent: aiohttp's parsed URL has repaired what we must refuse.
    return request.raw_path.partition("?")[2]


def _refuse_parameters(request: web.Request) -> None:
    values, faults = parse_query_string(_raw_query(request))
    faults += [Fault(shown(name), shown(texts[0]), "is not a parameter here") for name, texts in values.items()]
    if faults:
        raise InvalidInput(faults)
