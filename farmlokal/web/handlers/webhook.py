"""`POST /external/webhook`: the partner's events come in."""

import asyncio
from typing import Annotated, NotRequired

import orjson
from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.catalog.categories import OTHER
from farmlokal.errors import EventConflict, EventDead, EventRefused, NotConfigured, SignatureRefused
from farmlokal.web import keys
from farmlokal.web.answers import problems
from farmlokal.web.edge.expectations import invite_body
from farmlokal.web.edge.middleware import REQUEST_ID
from farmlokal.webhooks.signature import Delivery

BODY_BYTES_MAX = 256 * 1024
# A sender that trickles its body longer than that is answered 408; senders themselves wait 15 to 30 seconds.
_BODY_WAIT_MAX_S = 15
# What stands behind `webhook-`, or `svix-`.
_HEADERS = ("id", "timestamp", "signature")
_NO_STORE = {"Cache-Control": "no-store"}
_PROBLEMS: dict[type[EventRefused], problems.ProblemType] = {
    SignatureRefused: problems.SIGNATURE_REFUSED,
    EventConflict: problems.EVENT_CONFLICT,
    EventDead: problems.EVENT_DEAD,
}


class TakenIn(TypedDict):
    """What the sender of an accepted event is told."""

    duplicate: Annotated[bool, Field(description="the same id and body were here before: no second effect")]
    effect: Annotated[str, Field(description="what it did, then or now")]
    category: NotRequired[Annotated[str, Field(description="the product's, beside `unknown_category` alone")]]
    unknown_category: NotRequired[
        Annotated[str, Field(description="what the event calls a category that is not in the list, and became `other`")]
    ]


async def receive_webhook(request: web.Request) -> web.Response:
    """Take in one event. Nothing is parsed and no connection is taken before the signature holds."""
    verifier = request.app.get(keys.VERIFIER)
    if verifier is None:
        raise NotConfigured("FARMLOKAL_WEBHOOK_SECRETS")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        return problems.problem_response(
            problems.UNSUPPORTED_MEDIA_TYPE,
            "the body has a Content-Encoding: send the bytes that were signed, as they are",
            instance=request[REQUEST_ID],
            headers={"Accept-Encoding": "identity"},
        )
    delivery = await _delivery(request)
    try:
        event_id = verifier.verify(delivery)
        receipt = await request.app[keys.RECEIVER].receive(event_id, delivery.body)
    except EventRefused as error:
        kind = _PROBLEMS[type(error)]
        headers = {"WWW-Authenticate": "Webhook-Signature"} if kind.status == web.HTTPUnauthorized.status_code else {}
        return problems.problem_response(kind, str(error), instance=request[REQUEST_ID], headers=headers)
    content: TakenIn = {"duplicate": receipt.duplicate, "effect": receipt.effect}
    if receipt.unknown_category is not None:
        content |= {"category": OTHER, "unknown_category": receipt.unknown_category}
    return web.json_bytes_response(content, dumps=orjson.dumps, headers=_NO_STORE)


async def _delivery(request: web.Request) -> Delivery:
    """The delivery as it came. The names from before the specification count only where none of its own is there."""
    prefix = "webhook"
    if not _has_any(request, prefix) and _has_any(request, "svix"):
        prefix = "svix"
    event_id, timestamp, signatures = (_single(request, f"{prefix}-{part}") for part in _HEADERS)
    return Delivery(event_id, timestamp, signatures, await _body(request), prefix)


def _has_any(request: web.Request, prefix: str) -> bool:
    return any(f"{prefix}-{part}" in request.headers for part in _HEADERS)


def _single(request: web.Request, name: str) -> str | None:
    values = request.headers.getall(name, ())
    return values[0] if len(values) == 1 else None


async def _body(request: web.Request) -> bytes:
    """The raw body. Raises aiohttp's own errors: 413 as soon as it is known to be too long, 408, 400."""
    _check_size(request.content_length or 0)
    if request.content.is_eof() and request.content.exception() is None:  # it came with the head, as most do
        whole = request.content.read_nowait()
        _check_size(len(whole))
        return whole
    body = bytearray()
    await invite_body(request)
    try:
        async with asyncio.timeout(_BODY_WAIT_MAX_S):
            async for chunk in request.content.iter_any():
                body += chunk
                _check_size(len(body))
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (web.RequestPayloadError, ConnectionError) as error:
        # Malformed, or the sender has gone in the middle: then nobody reads this.
        raise web.HTTPBadRequest from error
    return bytes(body)


def _check_size(size: int) -> None:
    if size > BODY_BYTES_MAX:
        raise web.HTTPRequestEntityTooLarge(max_size=BODY_BYTES_MAX, actual_size=size)
