"""Encryption of access tokens in Redis, where others may read."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
# What NIST SP 800-38D wants of a random one; a few tokens an hour never come near its limit of 2³² messages.
_NONCE_BYTES = 12
_PURPOSE = b"farmlokal access token 1"


class TokenCipher:
    """AES-256-GCM under a key derived from `secret` by HKDF (RFC 5869).

    context: what the encrypted text belongs to; it cannot be decrypted for another context.
    """

    def __init__(self, secret: str, context: str) -> None:
        derived = HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE).derive(secret.encode())
        self._cipher = AESGCM(derived)
        self._context = context.encode()

    def encrypt(self, plain: bytes) -> bytes:
        """Returns `plain` encrypted; a different text at every call."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, self._context)

    def decrypt(self, raw: bytes) -> bytes | None:
        """Returns the plain text; None where `raw` was not encrypted with this secret and context, or was altered."""
        nonce, text = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, text, self._context)
        except (InvalidTag, ValueError):
            return None
