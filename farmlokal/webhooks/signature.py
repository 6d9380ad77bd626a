"""Verifying a delivery by the Standard Webhooks specification (version 1.0.0), before anything of it is parsed.

What is signed is `{id}.{timestamp}.{body}` over the raw bytes. The header `webhook-signature` holds signatures with
spaces between them, one for each key that the sender has at the time: `v1,<base64>` by HMAC-SHA256 under a secret that
it shares with us, `v1a,<base64>` by Ed25519 under a key of its own. Senders from before the specification call the
headers `svix-id`, `svix-timestamp` and `svix-signature`.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from farmlokal.errors import SignatureRefused
from farmlokal.formats.webhook_secrets import Scheme, WebhookKey

# How far the sender's clock and ours may be apart, and how late a delivery may arrive: the reference libraries' value.
TOLERANCE_S = 300
# The specification's ids have some 30 characters. No full stop: it could move the border between id and timestamp.
EVENT_ID_CHARS_MAX = 128
EVENT_ID = re.compile(rf"[!-\-/-~]{{1,{EVENT_ID_CHARS_MAX}}}", re.ASCII)
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
# A sender has one key, or two during a rotation. Each takes 0.1 ms, which a stranger's long header must not multiply.
_ED25519_TRIED_MAX = 4


class Delivery(NamedTuple):
    """The three headers as they came, and the raw body. A header that is missing or repeated is None.

    prefix: with which the headers' names begin, `webhook` or `svix`.
    """

    event_id: str | None
    timestamp: str | None
    signatures: str | None
    body: bytes
    prefix: str = "webhook"


def signed_bytes(event_id: str, timestamp: str, body: bytes) -> bytes:
    """Returns what a signature covers, whichever its scheme."""
    return b".".join((event_id.encode(), timestamp.encode(), body))


def sign(key: WebhookKey, event_id: str, timestamp: int, body: bytes) -> str:
    """Returns one signature as the header has it, `v1,<base64>`. key: a shared secret. timestamp: Unix seconds."""
    return f"{Scheme.HMAC},{_mac(key.raw, signed_bytes(event_id, str(timestamp), body)).decode()}"


class Verifier:
    """Accepts a delivery that any of the live keys has signed, at most five minutes ago or ahead."""

    def __init__(self, keys: Sequence[WebhookKey], *, clock: Callable[[], float] = time.time) -> None:
        """keys: newest first. clock: Unix seconds, injected by tests."""
        self._secrets = [key.raw for key in keys if key.scheme is Scheme.HMAC]
        self._public = [Ed25519PublicKey.from_public_bytes(key.raw) for key in keys if key.scheme is Scheme.ED25519]
        self._clock = clock
        self.refused = 0

    def __repr__(self) -> str:
        return f"<Verifier secrets={len(self._secrets)} public_keys={len(self._public)}>"

    def verify(self, delivery: Delivery) -> str:
        """Returns the event id of an authentic delivery. Raises SignatureRefused, whose text holds nothing secret."""
        try:
            return self._verified(delivery)
        except SignatureRefused:
            self.refused += 1
            raise

    def _verified(self, delivery: Delivery) -> str:
        event_id, timestamp, prefix = delivery.event_id, delivery.timestamp, delivery.prefix
        if event_id is None or not EVENT_ID.fullmatch(event_id):
            raise SignatureRefused(
                f"{prefix}-id must stand there once: up to {EVENT_ID_CHARS_MAX} visible ASCII characters, no full stop"
            )
        if timestamp is None or not TIMESTAMP.fullmatch(timestamp):
            raise SignatureRefused(f"{prefix}-timestamp must stand there once: whole Unix seconds")
        if delivery.signatures is None:
            raise SignatureRefused(f"{prefix}-signature is missing")
        if abs(self._clock() - int(timestamp)) > TOLERANCE_S:
            raise SignatureRefused(f"{prefix}-timestamp is more than {TOLERANCE_S} seconds from now")
        signed = signed_bytes(event_id, timestamp, delivery.body)
        offered = delivery.signatures.encode("utf-8", "surrogateescape").split()
        if not self._holds_mac(signed, offered) and not self._holds_ed25519(signed, offered):
            raise SignatureRefused(
                f"{prefix}-signature holds no signature, by a key that is live here, of this id, timestamp and body"
            )
        return event_id

    def _holds_mac(self, signed: bytes, offered: Sequence[bytes]) -> bool:
        texts = _of_scheme(Scheme.HMAC, offered)
        # Every pair is compared, in constant time each: neither the answer nor its time tells a near miss.
        matches = 0
        for secret in self._secrets:
            expected = _mac(secret, signed)
            matches += sum(hmac.compare_digest(expected, text) for text in texts)
        return matches > 0

    def _holds_ed25519(self, signed: bytes, offered: Sequence[bytes]) -> bool:
        texts = _of_scheme(Scheme.ED25519, offered)[:_ED25519_TRIED_MAX]
        return any(_verifies(key, text, signed) for key in self._public for text in texts)


def _of_scheme(scheme: Scheme, offered: Sequence[bytes]) -> list[bytes]:
    prefix = f"{scheme},".encode()
    return [text.removeprefix(prefix) for text in offered if text.startswith(prefix)]


def _mac(secret: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret, signed, "sha256"))


def _verifies(key: Ed25519PublicKey, text: bytes, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(text, validate=True), signed)
    except (InvalidSignature, binascii.Error):
        return False
    return True
