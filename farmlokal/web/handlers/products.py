"""`GET /products`, `GET /products/{id}`, `GET /suggest` and `GET /categories`."""

import time
from functools import partial
from http import HTTPStatus

from aiohttp import web

from farmlokal.caching.lookup import Lookup
from farmlokal.catalog.question.forms import ID_MAX, whole
from farmlokal.catalog.reading import category_counts
from farmlokal.catalog.tags import product_tag
from farmlokal.errors import Fault, InvalidInput, NotFound
from farmlokal.web import keys
from farmlokal.web.answers.representation import headers_of, preconditions_of, select
from farmlokal.web.edge.access_log import ANSWERED_FROM
from farmlokal.web.edge.handed_over import handed_over
from farmlokal.web.parameters.parameter import Parameter
from farmlokal.web.parameters.query_string import parse_query_string, shown
from farmlokal.web.parameters.questions import link_header

PRODUCT_ID = Parameter("id", whole(1, ID_MAX), "the product's `id`", 1, place="path", required=True)


async def list_products(request: web.Request) -> web.Response:
    """One page of the catalogue: filtered, sorted, keyset-paginated."""
    before = handed_over(request)
    if before is not None and before.error is not None:
        raise before.error
    app = request.app
    asked = app[keys.QUESTIONS].parse(_raw_query(request))
    lookup = await app[keys.CACHE].ask(asked.question)
    return _response(request, asked.question.key, lookup, link=link_header(asked.link_base, lookup.value))


async def show_product(request: web.Request) -> web.Response:
    """One product."""
    _refuse_parameters(request)
    text = request.match_info["id"]
    try:
        product_id = PRODUCT_ID.form.parse(text)
    except ValueError as error:
        raise InvalidInput([Fault("id", shown(text), str(error))]) from None
    app = request.app
    key = f"product/{product_id}"
    cache = app[keys.CACHE]
    load = partial(app[keys.LISTING].product, product_id)
    lookup = await cache.ask(cache.question(key, load, (product_tag(product_id),)))
    if lookup.value.negative:
        raise NotFound(lookup.value.body.decode())
    return _response(request, key, lookup)


async def suggest(request: web.Request) -> web.Response:
    """Completions of what is being typed."""
    before = handed_over(request)
    if before is not None and before.error is not None:
        raise before.error
    asked = request.app[keys.SUGGESTING].parse(_raw_query(request))
    return _response(request, asked.question.key, await request.app[keys.CACHE].ask(asked.question))


async def list_categories(request: web.Request) -> web.Response:
    """Every category with its number of products."""
    _refuse_parameters(request)
    return _response(request, category_counts.KEY, await request.app[keys.CATEGORY_COUNTS].get())


def _response(request: web.Request, key: str, lookup: Lookup, *, link: str = "") -> web.Response:
    request[ANSWERED_FROM] = (key, lookup.outcome)
    selected = select(preconditions_of(request.headers), lookup.value)
    headers = headers_of(selected, lookup, request.app[keys.FRESHNESS], time.time(), link=link)
    if selected.status is HTTPStatus.NOT_MODIFIED:
        return web.Response(status=selected.status, headers=headers)
    return web.Response(body=request.app[keys.CACHE].coded(key, lookup.value, selected.coding), headers=headers)


def _raw_query(request: web.Request) -> str:
    # As it was sent: aiohttp's parsed URL has repaired what we must refuse.
    return request.raw_path.partition("?")[2]


def _refuse_parameters(request: web.Request) -> None:
    values, faults = parse_query_string(_raw_query(request), request.app[keys.IGNORED_PARAMETERS])
    faults += [Fault(shown(name), shown(texts[0]), "is not a parameter here") for name, texts in values.items()]
    if faults:
        raise InvalidInput(faults)
