"""Answers that the cache gave."""

import time
from http import HTTPStatus

from aiohttp import web

from farmlokal.caching.lookup import Lookup
from farmlokal.web import keys
from farmlokal.web.answers.representation import JSON, headers_of, preconditions_of, select
from farmlokal.web.edge.access_log import ANSWERED_FROM


def cached_answer(
    request: web.Request, key: str, lookup: Lookup, *, link: str = "", content_type: str = JSON
) -> web.Response:
    """The representation of what was looked up under `key` that `request` wants, or 304. link: the `Link` header."""
    request[ANSWERED_FROM] = (key, lookup.outcome)
    selected = select(preconditions_of(request.headers), lookup.value)
    headers = headers_of(selected, lookup, request.app[keys.FRESHNESS], time.time(), link=link)
    if selected.status is HTTPStatus.NOT_MODIFIED:
        return web.Response(status=selected.status, headers=headers)
    headers["Content-Type"] = content_type
    return web.Response(body=request.app[keys.CACHE].coded(key, lookup.value, selected.coding), headers=headers)
