"""Webhook secrets as the Standard Webhooks specification (version 1.0.0) and its senders' tools write them.

::

    whsec_<base64>      a secret that we share with the sender; some tools show it without the prefix
    whpk_<base64>       the public half of the sender's own key: with it nobody can sign
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum

SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets begin, none itself
PUBLIC_PREFIX = "whpk_"
_PRIVATE_PREFIX = "whsk_"
# The specification has 24 to 64. Senders' tools make 16 and 72 as well; shorter ones could be guessed.
_SECRET_BYTES_MIN, _SECRET_BYTES_MAX = 16, 72
_PUBLIC_BYTES = 32
# Either alphabet of RFC 4648, and the padding, which many leave out.
_BASE64 = re.compile(r"([A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}", re.ASCII)


class Scheme(StrEnum):
    """How a signature is made; it stands before each one in the header."""

    HMAC = "v1"  # HMAC-SHA256 under a shared secret
    ED25519 = "v1a"


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """What verifies signatures of one scheme. raw: the shared secret, or the sender's public key."""

    scheme: Scheme
    raw: bytes = field(repr=False)


def key_of(secret: str) -> WebhookKey:
    """Returns the key that `secret` writes. Raises ValueError, whose text does not repeat the secret."""
    if secret.startswith(_PRIVATE_PREFIX):
        raise ValueError(f"must not hold a private key, {_PRIVATE_PREFIX}…: ask the sender for its {PUBLIC_PREFIX}…")
    if secret.startswith(PUBLIC_PREFIX):
        key = WebhookKey(Scheme.ED25519, _decoded(secret.removeprefix(PUBLIC_PREFIX)))
        good = len(key.raw) == _PUBLIC_BYTES
    else:
        key = WebhookKey(Scheme.HMAC, _decoded(secret.removeprefix(SECRET_PREFIX)))
        good = _SECRET_BYTES_MIN <= len(key.raw) <= _SECRET_BYTES_MAX
    if not good:
        raise ValueError(
            f"must be {SECRET_PREFIX} and the base64 of {_SECRET_BYTES_MIN} to {_SECRET_BYTES_MAX} bytes (the prefix"
            f" may be missing), or {PUBLIC_PREFIX} and the base64 of {_PUBLIC_BYTES} bytes"
        )
    return key


def parse_secrets(text: str) -> list[WebhookKey]:
    """Returns the keys of the comma-separated secrets in `text`, newest first. Raises ValueError as `key_of`."""
    return [key_of(secret) for secret in text.split(",")]


def _decoded(text: str) -> bytes:
    """Returns the bytes that `text` writes in base64, with or without padding; none where it is no base64."""
    if not _BASE64.fullmatch(text):
        return b""
    digits = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(digits.replace("+", "-").replace("/", "_") + "=" * (-len(digits) % 4))
    except binascii.Error:
        return b""
