"""The partner's webhooks: who registered for them, and sending them as senders do: late, twice, and out of sending."""

import asyncio
import random
import secrets
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field

from farmlokal.catalog.wire import wire_time
from farmlokal.formats.webhook_secrets import PUBLIC_PREFIX, Scheme, key_of
from farmlokal.webhooks.signature import sign, signed_bytes

# Known to everyone on purpose, as the client's secret: the demo must work with nothing set up.
WEBHOOK_SECRET = "whsec_bm90LWEtc2VjcmV0LW5vdC1hLXNlY3JldC1ub3QtYQ=="  # noqa: S105

# The same for the signatures by a key of the partner's own: the private half here, the public one for its receivers.
_PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(b"not a secret, known to everybody")
WEBHOOK_PUBLIC_KEY = PUBLIC_PREFIX + b64encode(_PRIVATE_KEY.public_key().public_bytes_raw()).decode()

# What the specification recommends a sender to wait for an answer.
_ANSWER_WAIT_S = ClientTimeout(total=15)

Event = dict[str, Any]


class Sending(BaseModel):
    """What to send, and how badly.

    events: with `type` and `data` at least; one may name its own `id`, else each gets a new one
    copies: how often each is delivered at the least
    new_ids: whether each copy is a message of its own, with an id of its own
    shuffle: the seed of the order in which they go out; None keeps theirs
    attempts: how often one delivery is tried until it is answered 2xx
    wait_s: between two attempts
    at_once: deliveries under way at a time
    scheme: of the signatures, by the secret (v1) or by the partner's own key (v1a)
    headers: with what their names begin; svix for senders from before the specification
    """

    model_config = ConfigDict(extra="forbid")

    events: list[Event]
    copies: Annotated[int, Field(ge=1, le=1000)] = 1
    new_ids: bool = False
    shuffle: int | None = None
    attempts: Annotated[int, Field(ge=1, le=1000)] = 1
    wait_s: Annotated[float, Field(ge=0, le=60)] = 0.05
    at_once: Annotated[int, Field(ge=1, le=256)] = 8
    scheme: Scheme = Scheme.HMAC
    headers: Literal["webhook", "svix"] = "webhook"


@dataclass(slots=True)
class Tally:
    """What came of a sending: deliveries made, the last status of each, and how many attempts they took."""

    deliveries: int = 0
    attempts: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    duplicates: int = 0
    unanswered: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The same in JSON's types."""
        statuses = {str(status): count for status, count in sorted(self.statuses.items())}
        return {
            "deliveries": self.deliveries,
            "attempts": self.attempts,
            "statuses": statuses,
            "duplicates": self.duplicates,
            "unanswered": self.unanswered,
        }


class Webhooks:
    """The registered callback URLs, each once, and the secret that signs what goes there."""

    def __init__(self, *, secret: str = WEBHOOK_SECRET, clock: Callable[[], float] = time.time) -> None:
        """clock: Unix seconds, injected by tests."""
        self.urls: list[str] = []
        self._key = key_of(secret)
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Webhooks urls={self.urls}>"

    def register(self, url: str) -> bool:
        """Send to `url` from now on; whether it is new."""
        new = url not in self.urls
        if new:
            self.urls.append(url)
        return new

    async def send(self, sending: Sending) -> Tally:
        """Deliver every event of `sending` to every registered URL; returns when the last one is done with."""
        tally = Tally()
        deliveries = [(url, *message) for message in self._messages(sending) for url in self.urls]
        if sending.shuffle is not None:
            random.Random(sending.shuffle).shuffle(deliveries)  # noqa: S311 - an order that can be had again
        slots = asyncio.Semaphore(sending.at_once)
        async with ClientSession(timeout=_ANSWER_WAIT_S) as client:

            async def deliver(url: str, event_id: str, body: bytes) -> None:
                async with slots:
                    await self._deliver(client, sending, tally, (url, event_id, body))

            await asyncio.gather(*(deliver(*delivery) for delivery in deliveries))
        return tally

    def _messages(self, sending: Sending) -> list[tuple[str, bytes]]:
        now = wire_time(datetime.fromtimestamp(self._clock(), UTC))
        messages = []
        for event in sending.events:
            fields = dict(event)
            event_id = fields.pop("id", None) or _new_id()
            body = orjson.dumps({"timestamp": now, **fields})
            messages.append((event_id, body))
            messages.extend((_new_id() if sending.new_ids else event_id, body) for _ in range(1, sending.copies))
        return messages

    async def _deliver(
        self, client: ClientSession, sending: Sending, tally: Tally, delivery: tuple[str, str, bytes]
    ) -> None:
        url, event_id, body = delivery
        tally.deliveries += 1
        status = None
        for attempt in range(1, sending.attempts + 1):
            tally.attempts += 1
            try:
                # Signed anew each time: the timestamp is the attempt's, the id the event's.
                async with client.post(url, data=body, headers=self._headers(sending, event_id, body)) as response:
                    status, answer = response.status, await response.read()
            except (ClientError, TimeoutError):
                answer = b""
            if status is not None and status < 300:
                tally.duplicates += b'"duplicate":true' in answer
                break
            if attempt < sending.attempts:
                await asyncio.sleep(sending.wait_s)
        if status is None:
            tally.unanswered += 1
        else:
            tally.statuses[status] += 1

    def _headers(self, sending: Sending, event_id: str, body: bytes) -> Mapping[str, str]:
        timestamp = int(self._clock())
        if sending.scheme is Scheme.HMAC:
            signature = sign(self._key, event_id, timestamp, body)
        else:
            own = _PRIVATE_KEY.sign(signed_bytes(event_id, str(timestamp), body))
            signature = f"{Scheme.ED25519},{b64encode(own).decode()}"
        return {
            f"{sending.headers}-id": event_id,
            f"{sending.headers}-timestamp": str(timestamp),
            f"{sending.headers}-signature": signature,
            "Content-Type": "application/json",
        }


def _new_id() -> str:
    return f"msg_{secrets.token_hex(12)}"
