"""`GET /products/{id}/prices` and `GET /products/{id}/prices.svg`."""

from aiohttp import web

from farmlokal.errors import NotFound
from farmlokal.web import keys
from farmlokal.web.answers.cached_answer import cached_answer
from farmlokal.web.answers.representation import JSON
from farmlokal.web.parameters.query_string import raw_query
from farmlokal.web.parameters.questions import AskedPage, link_header

SVG = "image/svg+xml"


async def list_prices(request: web.Request) -> web.Response:
    """Days of a product's price history."""
    asked = request.app[keys.PRICE_QUESTIONS].page(request.match_info["id"], raw_query(request.raw_path))
    return await _answer(request, asked, JSON)


async def draw_prices(request: web.Request) -> web.Response:
    """The same as a picture."""
    asked = request.app[keys.PRICE_QUESTIONS].picture(request.match_info["id"], raw_query(request.raw_path))
    return await _answer(request, asked, SVG)


async def _answer(request: web.Request, asked: AskedPage, content_type: str) -> web.Response:
    lookup = await request.app[keys.CACHE].ask(asked.question)
    if lookup.value.negative:
        raise NotFound(lookup.value.body.decode())
    link = link_header(asked.link_base, lookup.value)
    return cached_answer(request, asked.question.key, lookup, link=link, content_type=content_type)
