"""What a request's head asks of the hot path, read from what aiohttp's parser made of it."""

from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.http import HttpVersion11

from farmlokal.errors import InvalidInput
from farmlokal.telemetry.traceparent import TraceParent
from farmlokal.web.answers.negotiation import CODED_FROM_BYTES, coding_for
from farmlokal.web.answers.representation import Wanted, wanted_by
from farmlokal.web.edge.api_keys import offered_key
from farmlokal.web.edge.common_headers import request_id_from
from farmlokal.web.edge.cors import CrossOrigin
from farmlokal.web.edge.trace_context import caller_of
from farmlokal.web.parameters.questions import AskedPage, Questions

PATH = "/products"
# What may change the answer in a way that the hot path does not know.
_ELSEWHERE = ("If-Match", "Expect", "Upgrade")


# What one answer of a page depends on besides the page: its coding, whether it is a 304, and the origin that may read
# it. There are few. A plain tuple: a named one takes eight times as long to make, with every request.
Form = tuple[str | None, bool, str | None]


class Head(NamedTuple):
    """What a request's head asks for: the page, and in which form.

    wanted: of the representation. coding, small_coding: for a body that is worth it, and for a small one. origin: that
    may read it. request_id: the caller's own. caller: its place in a trace. forwarded_for, api_key: who it says it is.
    form: that of the answer where it is the same for every page; else the page's size and validator decide.
    """

    page: AskedPage
    wanted: Wanted
    coding: str | None
    small_coding: str | None
    origin: str | None
    request_id: str | None
    caller: TraceParent | None
    forwarded_for: tuple[str, ...]
    api_key: str | None
    form: Form | None

    @property
    def unlike_others(self) -> bool:
        """Whether as good as nobody sends the same head again."""
        return self.request_id is not None or self.caller is not None


def read_head(message: Any, questions: Questions, cross_origin: CrossOrigin) -> Head | None:
    """The head in `message`; None for all but a plain, well-formed question for a page of the listing.

    message: the parser's, which is no request at all where what arrived was malformed.
    """
    if getattr(message, "method", None) != "GET" or message.version != HttpVersion11:
        return None
    path, _, query = message.path.partition("?")
    headers = message.headers
    if path != PATH or message.should_close or message.upgrade or message.chunked:
        return None
    if any(name in headers for name in _ELSEWHERE):
        return None
    try:
        page = questions.parse(query)
        wanted = wanted_by(headers)
        coding = coding_for(wanted.accept_encoding, CODED_FROM_BYTES)
        small_coding = coding_for(wanted.accept_encoding, 0)
    except (InvalidInput, web.HTTPNotAcceptable):
        return None
    offered = headers.get("X-Request-ID")
    origin = cross_origin.allowed(headers.get("Origin"))
    alike = coding == small_coding and wanted.if_none_match is None
    return Head(
        page,
        wanted,
        coding,
        small_coding,
        origin,
        request_id_from(offered) if offered else None,
        caller_of(headers),
        tuple(headers.getall("X-Forwarded-For", ())),
        offered_key(headers),
        (coding, False, origin) if alike else None,
    )
