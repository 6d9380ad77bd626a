"""`GET /auth/token`: the partner's access token, for those of our clients that talk to the partner themselves."""

import time
from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.web import keys
from farmlokal.web.edge.api_keys import require_api_key

# Longer than a caller of ours should hold a connection; the request for the token goes on for the next one.
_WAIT_MAX_S = 10.0
_HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class AccessToken(TypedDict):
    """An access token as RFC 6749 section 5.1 has it."""

    access_token: str
    token_type: Annotated[str, Field(json_schema_extra={"const": "Bearer"})]
    expires_in: Annotated[int, Field(ge=0, description="seconds")]
    scope: str


async def show_token(request: web.Request) -> web.Response:
    """Answer as a token endpoint does (RFC 6749 section 5.1); `expires_in` is what is left of the token's life."""
    require_api_key(request)
    token = await request.app[keys.PARTNER].tokens.get(wait_max_s=_WAIT_MAX_S)
    content: AccessToken = {
        "access_token": token.access_token,
        "token_type": "Bearer",
        "expires_in": max(0, int(token.expires_at - time.time())),
        "scope": token.scope,
    }
    return web.Response(body=orjson.dumps(content), content_type="application/json", headers=_HEADERS)
