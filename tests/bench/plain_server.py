"""`python -m tests.bench.plain_server PORT FILE`: the least that an aiohttp service can do, on uvloop.

One route, one handler that returns the file's bytes, no middleware, no access log: what the framework costs by itself.
"""

import sys
from pathlib import Path

import uvloop
from aiohttp import web


def plain_app(body: bytes) -> web.Application:
    """An application that answers `GET /page` and `GET /products` with `body`."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/page", page)
    app.router.add_get("/products", page)
    return app


def main() -> None:
    """Serve until SIGTERM."""
    port, path = sys.argv[1:]
    app = plain_app(Path(path).read_bytes())
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
