"""Which representation of a cached value a request gets, and with which headers (RFC 9110, RFC 9111).

Decided from plain values: the handlers and the hot path both ask here, and cannot disagree.
"""

from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from farmlokal.caching.lookup import Lookup
from farmlokal.caching.value import Value
from farmlokal.web.answers.cache_headers import Freshness
from farmlokal.web.answers.conditional import any_match, none_match
from farmlokal.web.answers.negotiation import coding_for

JSON = "application/json"


class Preconditions(NamedTuple):
    """What a request says of the representation that it wants, and of those that it has.

    Each is the lines of the header with that name, joined by commas; None without the header.
    """

    accept_encoding: str | None = None
    if_none_match: str | None = None
    if_match: str | None = None


class Selected(NamedTuple):
    """The representation: its status (200 or 304), its content coding (None for none), its validator."""

    status: HTTPStatus
    coding: str | None
    etag: str


def preconditions_of(headers: MultiMapping[str]) -> Preconditions:
    """What the headers of a request say."""
    return Preconditions(
        joined(headers, "Accept-Encoding"),
        joined(headers, "If-None-Match"),
        joined(headers, "If-Match"),
    )


def joined(headers: MultiMapping[str], name: str) -> str | None:
    """All lines of a header as one list (RFC 9110 section 5.3); None without any."""
    if name not in headers:
        return None
    return ", ".join(headers.getall(name))


def select(asked: Preconditions, value: Value) -> Selected:
    """The representation of `value` for a GET or HEAD, after its preconditions in the RFC's order (section 13.2.2).

    Raises HTTPNotAcceptable, and HTTPPreconditionFailed where `If-Match` does not hold.
    """
    coding = coding_for(asked.accept_encoding, len(value.body))
    if asked.if_match is not None and not any_match(asked.if_match, value.etag_of(coding)):
        raise web.HTTPPreconditionFailed
    return selected(value, coding, not_modified=not_modified(asked, value, coding))


def not_modified(asked: Preconditions, value: Value, coding: str | None) -> bool:
    """Whether the client has the body of `value` in `coding` already."""
    sent = asked.if_none_match
    return sent is not None and not none_match(sent, value.etag_of(coding))


def selected(value: Value, coding: str | None, *, not_modified: bool) -> Selected:
    """The representation of `value` in `coding`."""
    return Selected(HTTPStatus.NOT_MODIFIED if not_modified else HTTPStatus.OK, coding, value.etag_of(coding))


def headers_of(chosen: Selected, lookup: Lookup, freshness: Freshness, *, link: str = "") -> CIMultiDict[str]:
    """The headers of a 200 or a 304. link: the `Link` of the former."""
    headers: CIMultiDict[str] = CIMultiDict()
    if chosen.status is HTTPStatus.OK:
        headers["Content-Type"] = JSON
        if chosen.coding is not None:
            headers["Content-Encoding"] = chosen.coding
        if link:
            headers["Link"] = link
    headers["ETag"] = chosen.etag
    headers["Vary"] = "Accept-Encoding"
    headers.update(freshness.headers(lookup))
    return headers
