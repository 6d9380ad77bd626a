"""What an error says to the caches that keep a copy of the answer that it stands in for: nothing.

`no-store` on a 5xx makes real caches throw away the copy that `stale-if-error` is for (docs/clients.md). Without a
`Cache-Control` a 500, 502, 503 or 504 is kept by nobody either: none of them is cacheable by default (RFC 9110, 15.1).
"""

from aiohttp import web

from farmlokal.web.answers.problems import ORIGIN_FAILED
from farmlokal.web.edge.request_counts import route_of


def spare_copies(request: web.BaseRequest, response: web.StreamResponse, cacheable: frozenset[str]) -> None:
    """Leave out the `Cache-Control` of a failure where the route is one of `cacheable`: patterns of routes."""
    if response.status in ORIGIN_FAILED and route_of(request) in cacheable:
        response.headers.pop("Cache-Control", None)
