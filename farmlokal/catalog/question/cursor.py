"""Cursors: a position in one question's order, sealed so that nobody else can make or change one.

Layout, before base64url without padding: 16 bytes of HMAC-SHA256, then JSON `[question digest, backward, value, id]`,
and in a question in words a fifth item: what was understood, `[words, [[filter, value, words] …]]`.
No time and no nonce: equal pages have equal cursors, and so equal bytes.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson

from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.question.words import WORDS
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.search.places import Place
from farmlokal.catalog.search.words import groups_of
from farmlokal.errors import Fault, InvalidInput

# 128 bits: forging one takes 2¹²⁷ tries on average, at the price of 22 characters.
_MAC_BYTES = 16
_FORGED = "must be a next_cursor or prev_cursor of this service, unchanged"


class CursorSigner:
    """Seals and opens cursors. The first of `keys` signs, any verifies, so that keys can be rotated."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        # A key of its own for this purpose: the same secret may come to sign other things.
        self._keys = [hmac.digest(key, b"farmlokal cursor v1", "sha256") for key in keys]

    def seal(self, query: ListingQuery, position: Position) -> str:
        """The token for `position` in the order that `query` asks for."""
        understood = query.filters.get(WORDS)
        if understood is None:
            return self.seal_for(query.question, position)
        return self.seal_for(query.question, position, [understood.text, [tuple(place) for place in understood.places]])

    def seal_for(self, question: str, position: Position, *more: Any) -> str:
        """The token for `position` in the order of the question whose canonical text is given. more: as above."""
        payload = orjson.dumps([_digest(question), position.backward, position.value, position.id, *more])
        return _encoded(self._mac(self._keys[0], payload) + payload)

    def open(self, token: str, query: ListingQuery) -> Position:
        """The position in `token`. Raises InvalidInput when it is not ours, or not for this question."""
        return self.open_for(query.question, token, "must come from a page of the same filters and sort")

    def open_for(self, question: str, token: str, rule: str) -> Position:
        """As `open`, for a question whose canonical text is given. rule: what the fault of one for another says."""
        digest, backward, value, row_id = self.verify(token)
        if digest != _digest(question):
            raise _fault(token, rule)
        return Position(value, row_id, backward)

    def understood(self, token: str) -> Interpretation | None:
        """What was understood of the words of the question that `token` is of; None where it has none.

        Raises InvalidInput when it is not ours.
        """
        said = self._payload(token)[4:]
        if not said:
            return None
        ((text, placed),) = said
        places = [Place(name, value, tuple(words)) for name, value, words in placed]
        return Interpretation(groups_of(text), tuple(places))

    def verify(self, token: str) -> tuple[str, bool, str | int, int]:
        """What `token` says, whatever question it was made for. Raises InvalidInput when it is not ours."""
        digest, backward, value, row_id = self._payload(token)[:4]
        return digest, backward, value, row_id

    def _payload(self, token: str) -> list[Any]:
        raw = _decoded(token)
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not any([hmac.compare_digest(mac, self._mac(key, payload)) for key in self._keys]):  # noqa: C419 - all keys, always
            raise _fault(token, _FORGED)
        items: list[Any] = orjson.loads(payload)
        return items

    @staticmethod
    def _mac(key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, payload, "sha256")[:_MAC_BYTES]


def _decoded(token: str) -> bytes:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _fault(token, _FORGED) from None
    # Base64 has several texts for the same bytes: other unused bits at the end, padding, + and / for - and _.
    if _encoded(raw) != token:
        raise _fault(token, _FORGED)
    return raw


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _digest(question: str) -> str:
    return blake2b(question.encode(), digest_size=8).hexdigest()


def _fault(token: str, detail: str) -> InvalidInput:
    shown = token if len(token) <= 40 else f"{token[:40]}…"
    return InvalidInput([Fault("cursor", shown, detail)])
