"""One request on the hot path: what its head asks for, as aiohttp's parser reads it, or as it is remembered.

A proxy gives each request an id, a caller's address and a trace of its own: no two heads are equal, and parsing takes
longer than all the rest of an answer. But two that are equal except for such values parse equally except for them, as
long as each value is a plain one. A value that is not plain leaves the whole head to the parser.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, TypeVar

from aiohttp import web
from aiohttp.http import HttpVersion11
from multidict import MultiMapping

from farmlokal.caching.memory import Remembered
from farmlokal.errors import InvalidInput
from farmlokal.limiting.verdicts import Verdict
from farmlokal.telemetry.traceparent import TraceParent, parse_traceparent
from farmlokal.web.answers.representation import CODED_FROM_BYTES, Preconditions, coding_for, preconditions_of
from farmlokal.web.edge.caller import offered_key, request_id_from
from farmlokal.web.edge.cors import CrossOrigin
from farmlokal.web.parameters.questions import AskedPage

T = TypeVar("T")

# By a path, how its query strings are read.
Readers = Mapping[str, Callable[[str], AskedPage]]
# What may change the answer in a way that the hot path does not know.
_ELSEWHERE = ("If-Match", "Expect", "Upgrade")
# The fields that make a request unlike all others of its page, and change nothing but what stands in OwnFields.
_OWN = ("X-Request-ID", "X-Forwarded-For", "traceparent", "tracestate")

# How many heads of each kind, what they may take, and the longest of them. The parser's own limit on a field is 8190
# bytes: no value of so short a head exceeds it. More heads than questions would hold on to what those let go.
_HEADS_MAX, _HEADS_BYTES_MAX = 4096, 4 * 2**20
_HEAD_BYTES_MAX = 1024
# What a head takes beside its bytes, and each of the pieces that it is cut into, measured on CPython 3.11.
_OBJECTS_BYTES, _PIECE_BYTES = 250, 40
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
    % (_OWN[0].encode(), "|".join((*_OWN[1:], *_UNREAD)).encode())
)

# What one answer of a page depends on besides the page: its coding, whether it is a 304, and the origin that may read
# it. There are few. A plain tuple: a named one takes eight times as long to make, with every request.
Variant = tuple[str | None, bool, str | None]


class Head(NamedTuple):
    """What a request's head asks for: the page, on which path, and in which variant. Of equal requests, it is one.

    preconditions: what it says of representations. coding, small_coding: for a body that is worth it, and for a small
    one. origin: that may read it. api_key: as it was sent. variant: of the answer, where it is the same for every page;
    else the page's size and validator decide.
    """

    path: str
    page: AskedPage
    preconditions: Preconditions
    coding: str | None
    small_coding: str | None
    origin: str | None
    api_key: str | None
    variant: Variant | None


class Places(NamedTuple):
    """At which places of a sequence the lines of each of _OWN stand."""

    request_id: tuple[int, ...] = ()
    forwarded_for: tuple[int, ...] = ()
    trace_parent: tuple[int, ...] = ()
    trace_state: tuple[int, ...] = ()


class OwnFields:
    """What a request says of itself alone: read from its own head, every time.

    request_id: the caller's, if harmless. The others are read when needed, which is seldom. places: of its lines.
    """

    __slots__ = ("_values", "places", "request_id")

    def __init__(self, request_id: str | None, values: Sequence[bytes], places: Places) -> None:
        self.request_id = request_id
        self._values = values
        self.places = places

    def __repr__(self) -> str:
        return f"<OwnFields {self.request_id} {self.places}>"

    @property
    def forwarded_for(self) -> list[str]:
        """The lines of `X-Forwarded-For`."""
        return self._lines(self.places.forwarded_for)

    @property
    def caller(self) -> TraceParent | None:
        """The caller's place in a trace."""
        if not self.places.trace_parent:
            return None
        return parse_traceparent(self._lines(self.places.trace_parent), self._lines(self.places.trace_state))

    def _lines(self, places: tuple[int, ...]) -> list[str]:
        return [self._values[place].decode("utf-8", "surrogateescape") for place in places]


class HotRequest:
    """A request that is being answered, from the reading of its head on.

    head: what it asks for. own: what it says of itself. verdict: of the rate limit; None without one. started_s: of
    time.perf_counter, when its head was read. peername: as the transport returns it. error: why there is no answer,
    where something failed.
    """

    __slots__ = ("error", "head", "own", "peername", "request_id", "started_s", "verdict")

    def __init__(self, head: Head, own: OwnFields, verdict: Verdict | None, started_s: float, peername: object) -> None:
        self.head = head
        self.own = own
        self.verdict = verdict
        self.started_s = started_s
        self.peername = peername
        self.request_id = own.request_id
        self.error: Exception | None = None

    def __repr__(self) -> str:
        return f"<HotRequest {self.head.page.question.key} verdict={self.verdict} error={self.error!r}>"

    @property
    def refused(self) -> bool:
        """Whether the rate limit refuses it."""
        return self.verdict is not None and not self.verdict.allowed


def read_head(message: Any, readers: Readers, cross_origin: CrossOrigin) -> Head | None:
    """The head in `message`; None for all but a plain, well-formed question of a path that has a reader.

    message: the parser's, which is no request at all where what arrived was malformed.
    """
    if getattr(message, "method", None) != "GET" or message.version != HttpVersion11:
        return None
    path, _, query = message.path.partition("?")
    headers = message.headers
    parse = readers.get(path)
    if parse is None or message.should_close or message.upgrade or message.chunked:
        return None
    if any(name in headers for name in _ELSEWHERE):
        return None
    try:
        page = parse(query)
        preconditions = _shared(preconditions_of(headers))
        coding = coding_for(preconditions.accept_encoding, CODED_FROM_BYTES)
        small_coding = coding_for(preconditions.accept_encoding, 0)
    except (InvalidInput, web.HTTPNotAcceptable):
        return None
    origin = cross_origin.allowed(headers.get("Origin"))
    alike = coding == small_coding and preconditions.if_none_match is None
    return Head(
        intern(path),
        page,
        preconditions,
        coding,
        small_coding,
        origin,
        offered_key(headers),
        _shared((coding, False, origin)) if alike else None,
    )


@lru_cache(1024, typed=True)
def _shared(part: T) -> T:
    """`part`, or an equal one of another head: thousands are remembered, and most demand the same."""
    return part


def own_fields_of(headers: MultiMapping[str]) -> OwnFields:
    """What the headers of a parsed head say of their request alone."""
    values: list[bytes] = []
    places = []
    for name in _OWN:
        lines = headers.getall(name, ())
        places.append(tuple(range(len(values), len(values) + len(lines))))
        values += [line.encode("utf-8", "surrogateescape") for line in lines]
    offered = headers.get(_OWN[0])
    return OwnFields(request_id_from(offered) if offered else None, values, Places(*places))


_NO_PLACES = Places()
_NOTHING = OwnFields(None, (), _NO_PLACES)


class RememberedHeads:
    """The heads that were parsed last, each with where the values stand that are its request's own.

    set_aside: called with the bytes that they have come to take more, or fewer.
    """

    __slots__ = ("_split", "_whole")

    def __init__(self, set_aside: Callable[[int], object]) -> None:
        bounds = (_HEADS_MAX, _HEADS_BYTES_MAX)
        # By all of their bytes, those that say nothing of their own.
        self._whole: Remembered[bytes, tuple[Head, OwnFields]] = Remembered(*bounds, _weight_of_whole, set_aside)
        # By their bytes without the values, those that have values to skip.
        self._split: Remembered[tuple[bytes, ...], tuple[Head, Places]] = Remembered(
            *bounds, _weight_of_split, set_aside
        )

    def __repr__(self) -> str:
        return f"<RememberedHeads whole={len(self._whole)} split={len(self._split)}>"

    def find(self, data: bytes) -> tuple[Head, OwnFields] | None:
        """What `data` says, without parsing it; None where nothing is remembered that is equal but for values."""
        known = self._whole.by_key.get(data)
        if known is not None:
            return known
        if len(data) > _HEAD_BYTES_MAX:
            return None
        pieces = _VALUES.split(data)
        values = pieces[2::3]
        del pieces[2::3]
        kept = self._split.by_key.get(tuple(pieces))
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
            self._whole.keep(data, (head, _NOTHING))
        pieces = _VALUES.split(data)
        places = _shared(_places_of(pieces[1::3]))
        del pieces[2::3]
        # Where the parser saw further lines of these fields, one of them is not plain.
        if len(pieces) > 1 and [len(at) for at in places] == [len(at) for at in own.places]:
            self._split.keep(tuple(pieces), (head, places))

    def clear(self) -> None:
        """Forget all of them."""
        self._whole.forget()
        self._split.forget()


def _weight_of_whole(data: bytes, _: object) -> int:
    return len(data) + _OBJECTS_BYTES


def _weight_of_split(pieces: tuple[bytes, ...], _: object) -> int:
    return sum(map(len, pieces)) + _PIECE_BYTES * len(pieces) + _OBJECTS_BYTES


def _places_of(names: Sequence[bytes]) -> Places:
    """Where the values of each field stand among those of the fields with `names`, as they were cut out."""
    found = [name.decode().strip("\r\n: ").lower() for name in names]
    return Places(*(tuple(at for at, name in enumerate(found) if name == own.lower()) for own in _OWN))
