"""The partner simulator's composition root: its middleware and its routes."""

from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.simulator import control, feed, tokens, webhook_routes
from farmlokal.simulator.misbehaving import misbehave
from farmlokal.simulator.partner import PARTNER, Partner


def create_partner_app(partner: Partner) -> web.Application:
    """Make the web application that answers as `partner`: token endpoint, product feed, control routes."""
    app = web.Application(middlewares=[count_requests, misbehave])
    app[PARTNER] = partner
    app.add_routes(tokens.routes)
    app.add_routes(feed.routes)
    app.add_routes(control.routes)
    app.add_routes(webhook_routes.routes)
    return app


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request under its route's pattern before it is handled, so that a failing one counts too."""
    resource = request.match_info.route.resource
    pattern = "(no route)" if resource is None else resource.canonical
    request.app[PARTNER].requests[f"{request.method} {pattern}"] += 1
    return await handler(request)
