"""API keys: who may use the routes that spend the partner's trust."""

import hmac
from collections.abc import Iterable
from hashlib import sha256

from aiohttp import web

from farmlokal.errors import AccessDenied, Unauthenticated
from farmlokal.web import keys


def key_digests(api_keys: Iterable[str]) -> tuple[bytes, ...]:
    """What the application keeps of its API keys. Digests are equally long: a comparison tells no key's length."""
    return tuple(_digest(key) for key in api_keys)


def require_api_key(request: web.Request) -> None:
    """Let a request with one of our API keys pass, `Authorization: Bearer <key>` or `X-API-Key: <key>`.

    Raises AccessDenied when no key is configured, Unauthenticated when none came or another.
    """
    if not request.app[keys.API_KEYS]:
        raise AccessDenied("no API key is configured: FARMLOKAL_API_KEYS is not set")
    offered = offered_key(request)
    if offered is None:
        raise Unauthenticated("an API key is needed: Authorization: Bearer <key>, or X-API-Key: <key>")
    if matching_key(offered, request.app[keys.API_KEYS]) is None:
        raise Unauthenticated("the API key is not one of ours")


def offered_key(request: web.Request) -> str | None:
    """The API key that came with the request; None when there is none."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    # A proxy may have put an Authorization of its own there: only a bearer token has precedence.
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")


def matching_key(offered: str, digests: tuple[bytes, ...]) -> int | None:
    """The place of `offered` among `digests`. Compares with all of them: the time tells neither hit nor place."""
    digest = _digest(offered)
    found = None
    for place, known in enumerate(digests):
        if hmac.compare_digest(digest, known):
            found = place
    return found


def _digest(key: str) -> bytes:
    # aiohttp reads a header's stray bytes as surrogates.
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
