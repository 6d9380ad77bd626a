"""How the partner answers: JSON bodies, and refusals in the one form that OAuth 2 gives its errors."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

REALM = "partner"

_REFUSALS: Mapping[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    401: web.HTTPUnauthorized,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
}


def answer(data: Any, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer 200 with `data` as the JSON body."""
    return web.json_bytes_response(data, dumps=orjson.dumps, headers=headers)


def refusal(
    status: int, error: str | None, description: str, *, headers: Mapping[str, str] | None = None
) -> web.HTTPException:
    """Give the exception to raise for an answer of `status` with RFC 6749 section 5.2's JSON body.

    `error` is the machine-readable code; None leaves it out, as RFC 6750 section 3.1 wants where no credentials came.
    """
    body = {"error": error, "error_description": description} if error else {"error_description": description}
    return _REFUSALS[status](text=orjson.dumps(body).decode(), content_type="application/json", headers=headers)
