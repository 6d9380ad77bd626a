"""The feed's page token: opaque to the reader, the same for the same place, and worth nothing once altered.

It carries the walk's `as_of` and `updated_since` along, so that the partner remembers no walk: a reader may resume
one after the partner was restarted, and the last page still says when the *walk* began, not when it ended.
"""

import struct
from base64 import b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import NamedTuple

# after, as_of and updated_since as signed 64-bit numbers; a walk of everything has no updated_since and says -1.
_FORM = struct.Struct(">qqq")
_WHOLE_WALK = -1
_CHECK_BYTES = 6


class Place(NamedTuple):
    """Where a walk stands: the last product number it passed, and the two moments (Unix seconds) that define it."""

    after: int
    as_of_s: int
    since_s: int | None

    def token(self) -> str:
        """Write the place as the reader carries it."""
        packed = _FORM.pack(self.after, self.as_of_s, _WHOLE_WALK if self.since_s is None else self.since_s)
        return urlsafe_b64encode(packed + _check(packed)).decode()


def place_of(token: str) -> Place:
    """Read the place that `token` was made from. Raises ValueError for a token that this module did not make."""
    # Anything outside the alphabet, or wrong padding, is a ValueError as well.
    raw = b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    packed, check = raw[: _FORM.size], raw[_FORM.size :]
    if len(packed) < _FORM.size or check != _check(packed):
        raise ValueError("is not a page token of this feed")
    after, as_of_s, since_s = _FORM.unpack(packed)
    return Place(after, as_of_s, None if since_s == _WHOLE_WALK else since_s)


def _check(packed: bytes) -> bytes:
    return blake2b(packed, digest_size=_CHECK_BYTES, person=b"page token").digest()
