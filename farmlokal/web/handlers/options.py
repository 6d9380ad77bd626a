"""`OPTIONS`: what may be asked of an address (RFC 9110 section 9.3.7), and preflight requests of browsers."""

from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.web import keys


def add_options_routes(app: web.Application) -> None:
    """Give every address of `app` so far an `OPTIONS`, which names its methods; and the service as a whole, `*`."""
    everywhere = {"OPTIONS"}
    for resource in list(app.router.resources()):
        if isinstance(resource, web.Resource):
            methods = {route.method for route in resource}
            everywhere |= methods
            resource.add_route("OPTIONS", _options(methods))
    whole = _WholeService()
    app.router.register_resource(whole)
    whole.add_route("OPTIONS", _options(everywhere))


class _WholeService(web.PlainResource):
    """The target `*`, which only `OPTIONS` may have (RFC 9112 section 3.2.4): the parser refuses it to the others."""

    def __init__(self) -> None:
        super().__init__("")
        self._path = "*"


def _options(methods: set[str]) -> Handler:
    allow = ", ".join(sorted({*methods, "OPTIONS"}))

    async def show_options(request: web.Request) -> web.Response:
        """The methods of this address."""
        preflight = request.app[keys.EDGE].cross_origin.preflight(request.headers)
        return web.Response(status=204, headers={"Allow": allow, **preflight})

    return show_options
