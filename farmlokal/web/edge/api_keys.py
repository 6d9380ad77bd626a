"""API keys: who may use the routes that spend the partner's trust."""

from aiohttp import web

from farmlokal.errors import AccessDenied, Unauthenticated
from farmlokal.web import keys
from farmlokal.web.edge.caller import offered_key
from farmlokal.web.edge.key_digests import matching_key


def require_api_key(request: web.Request) -> None:
    """Let a request with one of our API keys pass, `Authorization: Bearer <key>` or `X-API-Key: <key>`.

    Raises AccessDenied when no key is configured, Unauthenticated when none came or another.
    """
    if not request.app[keys.API_KEYS]:
        raise AccessDenied("no API key is configured: FARMLOKAL_API_KEYS is not set")
    offered = offered_key(request.headers)
    if offered is None:
        raise Unauthenticated("an API key is needed: Authorization: Bearer <key>, or X-API-Key: <key>")
    if matching_key(offered, request.app[keys.API_KEYS]) is None:
        raise Unauthenticated("the API key is not one of ours")
