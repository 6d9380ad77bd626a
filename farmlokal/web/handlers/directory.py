"""`GET /places`, `GET /farms` and `GET /farms/{id}`."""

from aiohttp import web

from farmlokal.errors import NotFound
from farmlokal.web import keys
from farmlokal.web.answers.cached_answer import cached_answer
from farmlokal.web.parameters.query_string import raw_query
from farmlokal.web.parameters.questions import AskedPage, link_header


async def list_places(request: web.Request) -> web.Response:
    """A page of the places that products are at."""
    return await _answer(request, request.app[keys.DIRECTORY_QUESTIONS].places(raw_query(request.raw_path)))


async def list_farms(request: web.Request) -> web.Response:
    """A page of the farms that products are from."""
    return await _answer(request, request.app[keys.DIRECTORY_QUESTIONS].farms(raw_query(request.raw_path)))


async def show_farm(request: web.Request) -> web.Response:
    """One farm."""
    question = request.app[keys.DIRECTORY_QUESTIONS].farm(request.match_info["id"], raw_query(request.raw_path))
    lookup = await request.app[keys.CACHE].ask(question)
    if lookup.value.negative:
        raise NotFound(lookup.value.body.decode())
    return cached_answer(request, question.key, lookup)


async def _answer(request: web.Request, asked: AskedPage) -> web.Response:
    lookup = await request.app[keys.CACHE].ask(asked.question)
    return cached_answer(request, asked.question.key, lookup, link=link_header(asked.link_base, lookup.value))
