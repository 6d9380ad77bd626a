"""`GET /livez` and `GET /readyz`."""

from typing import Literal

import orjson
from aiohttp import web
from typing_extensions import TypedDict

from farmlokal.web import keys
from farmlokal.web.edge.lifecycle import DependencyReport, Phase

_NO_STORE = {"Cache-Control": "no-store"}


class Alive(TypedDict):
    """A process that runs."""

    status: Literal["alive"]


class Readiness(TypedDict):
    """Whether the process may take traffic, and how its dependencies are."""

    status: Phase
    dependencies: dict[str, DependencyReport]


async def show_liveness(_: web.Request) -> web.Response:
    """Answer that the process runs; touches no dependency."""
    alive: Alive = {"status": "alive"}
    return web.json_bytes_response(alive, headers=_NO_STORE, dumps=orjson.dumps)


async def show_readiness(request: web.Request) -> web.Response:
    """Whether this process may take traffic, and how its dependencies are. 503 while it starts or drains."""
    health = request.app[keys.HEALTH]
    status = 200 if health.phase is Phase.READY else 503
    report: Readiness = {"status": health.phase, "dependencies": await health.dependencies()}
    return web.json_bytes_response(report, status=status, headers=_NO_STORE, dumps=orjson.dumps)
