"""`OPTIONS`: what may be asked of an address (RFC 9110 section 9.3.7), and preflight requests of browsers."""

from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.web import keys
from farmlokal.web.edge.aiohttp_adapter import ServiceAsAWhole


def add_options_routes(app: web.Application) -> None:
    """Give every address of `app` so far an `OPTIONS`, which names its methods; and the service as a whole, `*`."""
    everywhere = {"OPTIONS"}
    for resource in list(app.router.resources()):
        if isinstance(resource, web.Resource):
            methods = {route.method for route in resource}
            everywhere |= methods
            resource.add_route("OPTIONS", _options(methods))
    whole = ServiceAsAWhole()
    app.router.register_resource(whole)
    whole.add_route("OPTIONS", _options(everywhere))


def _options(methods: set[str]) -> Handler:
    allow = ", ".join(sorted({*methods, "OPTIONS"}))

    async def show_options(request: web.Request) -> web.Response:
        """The methods of this address."""
        preflight = request.app[keys.COMMON_HEADERS].cross_origin.preflight(request.headers)
        return web.Response(status=204, headers={"Allow": allow, **preflight})

    return show_options
