"""An address with a slash too many leads to the one without."""

from aiohttp import web
from aiohttp.typedefs import Handler

_KEPT = "public, max-age=300"


@web.middleware
async def trailing_slash_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Redirect from `/docs/` to `/docs` where there is nothing at the former; the method and the query stay."""
    if isinstance(request.match_info.http_exception, web.HTTPNotFound) and await _exists_without_slash(request):
        segment = request.rel_url.raw_path[:-1].rpartition("/")[2]
        _, mark, query = request.raw_path.partition("?")
        # Relative: a proxy may have taken a prefix away.
        location = f"../{segment}{mark}{query}"
        return web.Response(status=308, headers={"Location": location, "Cache-Control": _KEPT})
    return await handler(request)


async def _exists_without_slash(request: web.Request) -> bool:
    path = request.rel_url.raw_path
    if not path.endswith("/") or path == "/":
        return False
    without = request.clone(rel_url=request.rel_url.with_path(path[:-1], encoded=True))
    found = await request.app.router.resolve(without)
    return not isinstance(found.http_exception, web.HTTPNotFound)
