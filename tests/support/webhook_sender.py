"""The partner's side of a delivery, signed by the Standard Webhooks project's own library."""

import time
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientSession
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_" + "b2xkIHNlY3JldCBvZiB0aGUgcGFydG5lciwgb2xk"
PATH = "/external/webhook"
MOMENT = "2026-11-22T10:15:00Z"

_numbers = count(1)


class Answer(NamedTuple):
    """Status and decoded body of one delivery's answer."""

    status: int
    content: dict[str, Any]


def new_id() -> str:
    """An event id that no other delivery of this run has."""
    return f"msg_{next(_numbers):08d}"


def body_of(event_type: str, data: object) -> bytes:
    """The body of one event."""
    return orjson.dumps({"type": event_type, "timestamp": MOMENT, "data": data})


def headers_for(event_id: str, body: bytes, *, at_s: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers of one attempt. at_s: when it was made, Unix seconds; now by default."""
    moment = int(time.time() if at_s is None else at_s)
    signature = Webhook(secret).sign(event_id, datetime.fromtimestamp(moment, UTC), body.decode())
    return {"webhook-id": event_id, "webhook-timestamp": str(moment), "webhook-signature": signature}


async def post(client: ClientSession, body: bytes, headers: dict[str, str], *, url: str = PATH) -> Answer:
    """The answer to one POST of exactly this."""
    async with client.post(url, data=body, headers=headers) as response:
        return Answer(response.status, orjson.loads(await response.read()))


async def deliver(
    client: ClientSession, event_type: str, data: object, *, event_id: str | None = None, url: str = PATH
) -> Answer:
    """The answer to one signed event."""
    body = body_of(event_type, data)
    return await post(client, body, headers_for(event_id or new_id(), body), url=url)


def product(external_id: str = "okra-1", version: int = 1, **fields: Any) -> dict[str, Any]:
    """A product in the wire format."""
    required = {"name": "Okra", "category": "vegetables", "price": "24.50", "unit": "kg"}
    return {"source": "partner", "external_id": external_id, "version": version, **required, **fields}


def order(order_id: str, quantity: int = 1, external_id: str = "okra-1") -> dict[str, Any]:
    """The data of an order event."""
    return {"order_id": order_id, "source": "partner", "external_id": external_id, "quantity": quantity}
