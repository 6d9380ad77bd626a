"""`GET /products`, `/products/summary`, `/products/{id}`, `/suggest` and `/categories`."""

from functools import partial

from aiohttp import web

from farmlokal.catalog.reading import category_counts
from farmlokal.catalog.tags import product_tag
from farmlokal.errors import Fault, InvalidInput, NotFound
from farmlokal.web import keys
from farmlokal.web.answers.cached_answer import cached_answer
from farmlokal.web.edge.handed_over import raise_what_was_found
from farmlokal.web.parameters.product_id import read_product_id
from farmlokal.web.parameters.query_string import parse_query_string, raw_query, unasked
from farmlokal.web.parameters.questions import link_header


async def list_products(request: web.Request) -> web.Response:
    """One page of the catalogue: filtered, sorted, keyset-paginated."""
    raise_what_was_found(request)
    app = request.app
    query = raw_query(request.raw_path)
    await _until_words_are_known(app, query)
    asked = app[keys.QUESTIONS].parse(query)
    lookup = await app[keys.CACHE].ask(asked.question)
    return cached_answer(request, asked.question.key, lookup, link=link_header(asked.link_base, lookup.value))


async def summarise(request: web.Request) -> web.Response:
    """How many products pass some filters, and how they are distributed."""
    raise_what_was_found(request)
    app = request.app
    query = raw_query(request.raw_path)
    await _until_words_are_known(app, query)
    asked = app[keys.SUMMARY_QUESTIONS].parse(query)
    return cached_answer(request, asked.question.key, await app[keys.CACHE].ask(asked.question))


async def show_product(request: web.Request) -> web.Response:
    """One product."""
    _refuse_parameters(request)
    faults: list[Fault] = []
    product_id = read_product_id(request.match_info["id"], faults)
    if faults:
        raise InvalidInput(faults)
    app = request.app
    key = f"product/{product_id}"
    cache = app[keys.CACHE]
    load = partial(app[keys.LISTING].product, product_id)
    lookup = await cache.ask(cache.question(key, load, (product_tag(product_id),)))
    if lookup.value.negative:
        raise NotFound(lookup.value.body.decode())
    return cached_answer(request, key, lookup)


async def suggest(request: web.Request) -> web.Response:
    """Completions of what is being typed."""
    raise_what_was_found(request)
    await request.app[keys.SEARCH_NAMES].complete.wait()
    asked = request.app[keys.SUGGESTING].parse(raw_query(request.raw_path))
    return cached_answer(request, asked.question.key, await request.app[keys.CACHE].ask(asked.question))


async def list_categories(request: web.Request) -> web.Response:
    """Every category with its number of products."""
    _refuse_parameters(request)
    return cached_answer(request, category_counts.KEY, await request.app[keys.CATEGORY_COUNTS].get())


async def _until_words_are_known(app: web.Application, query: str) -> None:
    """Wait, where the process has just started and `query` may ask in words, until they can be understood."""
    if "q" in query or "%" in query:
        await app[keys.SEARCH_NAMES].complete.wait()


def _refuse_parameters(request: web.Request) -> None:
    values, faults = parse_query_string(raw_query(request.raw_path), request.app[keys.IGNORED_PARAMETERS])
    faults += unasked(values)
    if faults:
        raise InvalidInput(faults)
