"""The rate limit at the edge: which quota a request is of, and what every answer says of it."""

from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.errors import RateLimited
from farmlokal.limiting.quotas import DEFAULT, TOKEN
from farmlokal.web import keys
from farmlokal.web.edge.caller import offered_key
from farmlokal.web.edge.handed_over import handed_over

Limits = tuple[tuple[str, str], ...]

# The headers that the answer to a request carries, by name and value; not there for what is exempt.
RATE_LIMIT_HEADERS: web.RequestKey[Limits] = web.RequestKey("RATE_LIMIT_HEADERS", tuple)

# By the route's pattern; every other route is of the default quota, what matches none too.
_QUOTAS: dict[str, str | None] = {
    "/auth/token": TOKEN,
    # Who watches the service must see it when it is busiest.
    "/livez": None,
    "/readyz": None,
    "/metrics": None,
    # The partner's sender gives up on an event that it is refused too often, while one that is none of the partner's
    # costs us no more than a look at its signature, which comes before everything else and over a bounded body.
    "/external/webhook": None,
}


def quota_of(pattern: str | None) -> str | None:
    """The name of the quota that a route's requests are of; None for those that are exempt.

    pattern: the route's, None where there is no such route.
    """
    return DEFAULT if pattern is None else _QUOTAS.get(pattern, DEFAULT)


@web.middleware
async def rate_limit_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request for its client. Raises RateLimited, before anything else is done, where it is one too many."""
    limiter = request.app[keys.LIMITER]
    resource = request.match_info.route.resource
    quota = quota_of(resource.canonical if resource else None)
    if quota is None:
        return await handler(request)
    before = handed_over(request)
    verdict = before.verdict if before is not None else None
    if verdict is None:
        verdict = limiter.take(quota, client_of(request))
    request[RATE_LIMIT_HEADERS] = verdict.headers
    if not verdict.allowed:
        raise RateLimited(quota, retry_after_s=verdict.reset_s)
    return await handler(request)


def client_of(request: web.Request) -> str:
    """The client that `request` counts for."""
    peername = None if request.transport is None else request.transport.get_extra_info("peername")
    forwarded_for = request.headers.getall("X-Forwarded-For", ())
    return request.app[keys.CLIENTS].client(peername, forwarded_for, offered_key(request.headers))
