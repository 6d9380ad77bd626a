"""`GET /`: what there is, for whoever comes with the base address alone."""

from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from farmlokal import __version__
from farmlokal.caching.value import Value
from farmlokal.web import keys
from farmlokal.web.answers.static_answer import static_answer

_KEPT = "public, max-age=300"
_Address = Annotated[str, Field(description="relative to this document's own address")]


class IndexedRoute(TypedDict):
    """One route of the service."""

    method: str
    address: Annotated[str, Field(description="relative to this one; what stands in braces is to be filled in")]
    summary: str


class Documents(TypedDict):
    """Where the interface is described."""

    openapi: _Address
    docs: _Address


class Index(TypedDict):
    """The service, its documents and its routes."""

    name: str
    version: str
    documents: Documents
    routes: list[IndexedRoute]


async def show_index(request: web.Request) -> web.Response:
    """The documents and the routes, with addresses relative to this one."""
    index: Index = {
        "name": "FarmLokal",
        "version": __version__,
        "documents": {"openapi": "openapi.json", "docs": "docs"},
        "routes": [
            {"method": route.method, "address": route.path.removeprefix("/"), "summary": route.operation.summary}
            for route in request.app[keys.API_DOCUMENT].routes
            if route.path != "/"
        ],
    }
    return await static_answer(request, Value(orjson.dumps(index)), "application/json", cache_control=_KEPT)
