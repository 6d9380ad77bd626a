"""The partner's OAuth 2 endpoints: client-credentials tokens (RFC 6749 section 4.4) and revocation (RFC 7009)."""

import base64
import re
from urllib.parse import parse_qsl, unquote_plus

from aiohttp import web

from farmlokal.simulator.answers import REALM, answer, refusal
from farmlokal.simulator.credentials import Credentials
from farmlokal.simulator.partner import PARTNER

routes = web.RouteTableDef()

# Token answers and refusals alike must never be kept by a cache (RFC 6749 section 5.1).
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_FORM = "application/x-www-form-urlencoded"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


@routes.post("/oauth/token")
async def issue_token(request: web.Request) -> web.Response:
    """Answer a client-credentials request with a new bearer token, or with section 5.2's error."""
    credentials = request.app[PARTNER].credentials
    form = await _form(request)
    _authenticate(request, form, credentials)
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise _refused("invalid_request", "grant_type is missing")
    if grant_type != "client_credentials":
        raise _refused("unsupported_grant_type", "only client_credentials is supported")
    scopes = _scopes(form.get("scope"), credentials)
    return answer(
        {
            "access_token": credentials.issue(scopes),
            "token_type": "Bearer",
            "expires_in": credentials.token_ttl_s,
            "scope": " ".join(sorted(scopes)),
        },
        headers=_NO_STORE,
    )


@routes.post("/oauth/revoke")
async def revoke_token(request: web.Request) -> web.Response:
    """End a token. An unknown one gets the same empty 200: it is as invalid as the caller wants it to be."""
    credentials = request.app[PARTNER].credentials
    form = await _form(request)
    _authenticate(request, form, credentials)
    if "token" not in form:
        raise _refused("invalid_request", "token is missing")
    credentials.revoke(form["token"])
    return web.Response(headers=_NO_STORE)


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != _FORM:
        raise _refused("invalid_request", f"the body must be {_FORM}")
    try:
        # Section 3.2: a parameter without a value counts as not sent, which is how parse_qsl takes it.
        fields = parse_qsl((await request.read()).decode())
    except ValueError as error:
        raise _refused("invalid_request", "the body must be UTF-8") from error
    form = dict(fields)
    if len(form) < len(fields):
        raise _refused("invalid_request", "a parameter is repeated")
    return form


def _authenticate(request: web.Request, form: dict[str, str], credentials: Credentials) -> None:
    """Let the one known client pass, by client_secret_basic or client_secret_post, never by both at once."""
    header = request.headers.get("Authorization")
    if header is None:
        client = form.get("client_id", ""), form.get("client_secret", "")
    elif "client_secret" in form:
        raise _refused("invalid_request", "the client authenticates in the header and in the body")
    else:
        client = _basic(header)
    if not credentials.knows(*client):
        raise refusal(
            401,
            "invalid_client",
            "client authentication failed",
            headers={**_NO_STORE, "WWW-Authenticate": f'Basic realm="{REALM}", charset="UTF-8"'},
        )


def _basic(header: str) -> tuple[str, str]:
    """Read id and secret from a Basic `header`, each form-encoded (section 2.3.1); both empty if it is malformed."""
    scheme, _, encoded = header.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (unquote_plus(client_id), unquote_plus(secret)) if scheme.lower() == "basic" and colon else ("", "")


def _scopes(asked: str | None, credentials: Credentials) -> frozenset[str]:
    if asked is None:
        return credentials.scopes
    scopes = frozenset(asked.split(" "))
    if not _SCOPE.fullmatch(asked) or not scopes <= credentials.scopes:
        raise _refused("invalid_scope", "the scope is malformed, or more than the client may have")
    return scopes


def _refused(error: str, description: str) -> web.HTTPException:
    return refusal(400, error, description, headers=_NO_STORE)
