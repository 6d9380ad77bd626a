"""The document as it is served."""

from collections.abc import Sequence
from functools import cached_property

import orjson

from farmlokal.caching.value import Value
from farmlokal.web.openapi.document import document_of
from farmlokal.web.openapi.operation import Route


class ApiDocument:
    """The document of some routes, made when it is first asked for, then kept."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)

    def __repr__(self) -> str:
        return f"<ApiDocument routes={len(self.routes)}>"

    @cached_property
    def value(self) -> Value:
        """Its bytes and their validator."""
        return Value(orjson.dumps(document_of(self.routes)))
