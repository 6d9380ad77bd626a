"""`GET /products/changes`."""

from aiohttp import web

from farmlokal.web import keys
from farmlokal.web.answers.representation import JSON
from farmlokal.web.answers.static_answer import static_answer
from farmlokal.web.parameters.changes import parse_changes
from farmlokal.web.parameters.query_string import raw_query

# A copy of a page whose numbers are all given is as good as a new one, however old. A day: less than the log is kept.
_LASTING = "public, max-age=86400"
# What is not complete yet is asked for again and again; its validator saves the body.
_OPEN = "public, max-age=0"


async def list_changes(request: web.Request) -> web.Response:
    """What changed behind a position, as products are now; at first all that there is."""
    app = request.app
    asked = parse_changes(raw_query(request.raw_path), app[keys.IGNORED_PARAMETERS])
    page = await app[keys.CHANGE_FEED].page(asked.after, asked.limit)
    # Not kept in the tiers of our own: a mirror that begins would push out what everybody else asks for.
    return await static_answer(request, page.value, JSON, cache_control=_LASTING if page.lasting else _OPEN)
