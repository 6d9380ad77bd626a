"""Heads remembered by their bytes, but for the values of fields that differ with every request or every client.

A proxy gives each request an id of its own, appends the caller's address, begins or goes on with a trace: no two heads
are equal then, and parsing each of them takes longer than all the rest of an answer. Two heads that are equal but for
such values parse equally but for them, as long as each value is a plain one: then the head is known, and the values are
read from where they stand. A value that is not plain leaves the whole head to the parser.
"""

import re
from collections.abc import Sequence

from farmlokal.web.hot.request import FORWARDED_FOR, REQUEST_ID, TRACE_PARENT, TRACE_STATE, Head, OwnFields, Places

# How many heads, and the longest of them: 8 MB when full. The parser's own limit on a field is 8190 bytes: no value of
# so short a head exceeds it.
_HEADS_MAX = 4096
_HEAD_BYTES_MAX = 1024
# What proxies and browsers send that is another for each request or client, and that no answer depends on.
_UNREAD = (
    *("Cookie", "Referer", "User-Agent", "X-Real-IP", "X-Request-Start"),
    *("CF-Connecting-IP", "CF-Ray", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context", "X-B3-SpanId", "X-B3-TraceId"),
)
# A line end and a field's name; then its value: `split` cuts a head before and behind these two. A value is printable
# ASCII, which the parser lets pass in every field; an id is one that `request_id_from` takes, or empty. The next line
# does not begin with white space: such a line went on with the value, once.
_VALUES = re.compile(
    rb"(\r\n(?i:%b: (?=[\w.-]{0,64}\r)|(?:%b): ))([ -~]*)(?=\r\n[^ \t])"
    % (REQUEST_ID.encode(), "|".join((FORWARDED_FOR, TRACE_PARENT, TRACE_STATE, *_UNREAD)).encode())
)

# A head without its values.
_Pieces = tuple[bytes, ...]
_NO_PLACES = Places()
_NOTHING = OwnFields(None, (), _NO_PLACES)


class RememberedHeads:
    """The heads that were parsed last, each with where the values stand that are its request's own."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        # By all of the bytes, where the request says nothing of its own; by the pieces, where there are values to skip.
        self._heads: dict[bytes | _Pieces, tuple[Head, Places]] = {}

    def __repr__(self) -> str:
        return f"<RememberedHeads {len(self._heads)}>"

    def find(self, data: bytes) -> tuple[Head, OwnFields] | None:
        """What `data` says, without parsing it; None where nothing is remembered that is equal but for values."""
        kept = self._heads.get(data)
        if kept is not None:
            return kept[0], _NOTHING
        if len(data) > _HEAD_BYTES_MAX:
            return None
        pieces = _VALUES.split(data)
        values = pieces[2::3]
        del pieces[2::3]
        kept = self._heads.get(tuple(pieces))
        if kept is None:
            return None
        head, places = kept
        at = places.request_id
        return head, OwnFields(values[at[0]].decode() or None if at else None, values, places)

    def keep(self, data: bytes, head: Head, own: OwnFields) -> None:
        """Keep that `data`, one whole head, was parsed to this."""
        if len(data) > _HEAD_BYTES_MAX:
            return
        if own.places == _NO_PLACES:
            self._keep(data, head, _NO_PLACES)
        pieces = _VALUES.split(data)
        places = _places_of(pieces[1::3])
        del pieces[2::3]
        # Where the parser saw further lines of these fields, one of them is not plain.
        if len(pieces) > 1 and [len(at) for at in places] == [len(at) for at in own.places]:
            self._keep(tuple(pieces), head, places)

    def clear(self) -> None:
        """Forget all of them."""
        self._heads.clear()

    def _keep(self, key: bytes | _Pieces, head: Head, places: Places) -> None:
        if len(self._heads) >= _HEADS_MAX:
            del self._heads[next(iter(self._heads))]
        self._heads[key] = head, places


def _places_of(names: Sequence[bytes]) -> Places:
    """Where the values of each field stand among those of the fields with `names`, as they were cut out."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(name.decode().strip("\r\n: ").lower(), []).append(place)
    ours = (REQUEST_ID, FORWARDED_FOR, TRACE_PARENT, TRACE_STATE)
    return Places(*(tuple(found.get(name.lower(), ())) for name in ours))
