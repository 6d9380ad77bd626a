"""Webhook secrets as the Standard Webhooks specification (version 1.0.0) writes them: `whsec_<base64>`."""

import base64
import binascii

SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets begin, none itself
# What the specification allows; shorter ones can be guessed.
_KEY_BYTES_MIN, _KEY_BYTES_MAX = 24, 64


def key_of(secret: str) -> bytes:
    """Returns the key in `whsec_<base64>`. Raises ValueError, whose text does not repeat the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not _KEY_BYTES_MIN <= len(key) <= _KEY_BYTES_MAX:
        raise ValueError(
            f"must be {SECRET_PREFIX} and the base64 of {_KEY_BYTES_MIN} to {_KEY_BYTES_MAX} bytes"
        ) from None
    return key


def parse_secrets(text: str) -> list[bytes]:
    """Returns the keys of the comma-separated secrets in `text`, newest first. Raises ValueError as `key_of`."""
    return [key_of(secret) for secret in text.split(",")]
