"""Verifying a delivery by the Standard Webhooks specification (version 1.0.0), before anything of it is parsed.

What is signed is `{id}.{timestamp}.{body}` over the raw bytes, by HMAC-SHA256; the header `webhook-signature` holds
space-separated `v1,<base64>`, one for each secret that the sender has at the time.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from farmlokal.errors import SignatureRefused

# How far the sender's clock and ours may be apart, and how late a delivery may arrive: the reference libraries' value.
TOLERANCE_S = 300
# The specification's ids have some 30 characters. No full stop: it could move the border between id and timestamp.
EVENT_ID_CHARS_MAX = 128
EVENT_ID = re.compile(rf"[!-\-/-~]{{1,{EVENT_ID_CHARS_MAX}}}", re.ASCII)
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SCHEME = b"v1,"


class Delivery(NamedTuple):
    """The three headers as they came, and the raw body. A header that is missing or repeated is None."""

    event_id: str | None
    timestamp: str | None
    signatures: str | None
    body: bytes


def sign(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """Returns one signature as the header has it, `v1,<base64>`. timestamp: Unix seconds."""
    return (_SCHEME + _mac(key, event_id, str(timestamp), body)).decode()


class Verifier:
    """Accepts a delivery that any of the live secrets has signed, at most five minutes ago or ahead."""

    def __init__(self, keys: Sequence[bytes], *, clock: Callable[[], float] = time.time) -> None:
        """keys: of the secrets, newest first. clock: Unix seconds, injected by tests."""
        self._keys = keys
        self._clock = clock
        self.refused = 0

    def __repr__(self) -> str:
        return f"<Verifier secrets={len(self._keys)}>"

    def verify(self, delivery: Delivery) -> str:
        """Returns the event id of an authentic delivery. Raises SignatureRefused, whose text holds nothing secret."""
        try:
            return self._verified(delivery)
        except SignatureRefused:
            self.refused += 1
            raise

    def _verified(self, delivery: Delivery) -> str:
        event_id, timestamp = delivery.event_id, delivery.timestamp
        if event_id is None or not EVENT_ID.fullmatch(event_id):
            raise SignatureRefused(
                f"webhook-id must stand there once: up to {EVENT_ID_CHARS_MAX} visible ASCII characters, no full stop"
            )
        if timestamp is None or not TIMESTAMP.fullmatch(timestamp):
            raise SignatureRefused("webhook-timestamp must stand there once: whole Unix seconds")
        if delivery.signatures is None:
            raise SignatureRefused("webhook-signature is missing")
        if abs(self._clock() - int(timestamp)) > TOLERANCE_S:
            raise SignatureRefused(f"webhook-timestamp is more than {TOLERANCE_S} seconds from now")
        if not self._signed(event_id, timestamp, delivery.body, delivery.signatures):
            raise SignatureRefused("webhook-signature holds no v1 signature of this id, timestamp and body")
        return event_id

    def _signed(self, event_id: str, timestamp: str, body: bytes, signatures: str) -> bool:
        offered = [
            text[len(_SCHEME) :]
            for text in signatures.encode("utf-8", "surrogateescape").split()
            if text.startswith(_SCHEME)
        ]
        # Every pair is compared, in constant time each: neither the answer nor its time tells a near miss.
        matches = 0
        for key in self._keys:
            expected = _mac(key, event_id, timestamp, body)
            matches += sum(hmac.compare_digest(expected, text) for text in offered)
        return matches > 0


def _mac(key: bytes, event_id: str, timestamp: str, body: bytes) -> bytes:
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
