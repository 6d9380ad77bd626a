"""Which representation of a cached value a request gets, and with which headers (RFC 9110).

Decided from plain values: the handlers and the hot path both ask here, and cannot disagree.
"""

import re
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from farmlokal.caching.lookup import Lookup
from farmlokal.caching.value import ENCODERS, Value
from farmlokal.web.answers.cache_headers import Freshness
from farmlokal.web.answers.conditional import any_match, none_match

JSON = "application/json"
# Below this the headers outweigh what coding saves.
CODED_FROM_BYTES = 512
_IDENTITY = "identity"
# A coding or `*`, then its weight: at most three decimals, at most 1.
_ITEM = re.compile(
    r"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?", re.ASCII
)
# Headers longer than that are not worth remembering.
_REMEMBERED_CHARS_MAX = 200


class Preconditions(NamedTuple):
    """What a request demands of the representation that it gets, and which ones its client has.

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
    """The preconditions in the headers of a request."""
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


def headers_of(
    chosen: Selected, lookup: Lookup, freshness: Freshness, now: float, *, link: str = ""
) -> CIMultiDict[str]:
    """The headers of a 200 or a 304 at `now` (wall seconds). link: the `Link` of the former."""
    headers: CIMultiDict[str] = CIMultiDict()
    if chosen.status is HTTPStatus.OK:
        headers["Content-Type"] = JSON
        if chosen.coding is not None:
            headers["Content-Encoding"] = chosen.coding
        if link:
            headers["Link"] = link
    headers["ETag"] = chosen.etag
    headers["Vary"] = "Accept-Encoding"
    headers.update(freshness.headers(lookup, now))
    return headers


def coding_for(accept_encoding: str | None, size_bytes: int) -> str | None:
    """The coding for a body of `size_bytes`; None for the body as it is.

    accept_encoding: the header's lines joined by commas, None without one: then the body goes as it is, although the
    RFC would allow any coding. Raises HTTPNotAcceptable where the client excludes everything that there is.
    """
    if accept_encoding is None:
        return None
    choose = _choice if len(accept_encoding) <= _REMEMBERED_CHARS_MAX else _choice.__wrapped__
    coding, identity_refused = choose(accept_encoding)
    if coding is None and identity_refused:
        raise web.HTTPNotAcceptable
    # A small body is coded only for a client that insists on it.
    return coding if size_bytes >= CODED_FROM_BYTES or identity_refused else None


@lru_cache(maxsize=512)
def _choice(accept_encoding: str) -> tuple[str | None, bool]:
    """The best coding of ours, None for none; and whether the body as it is was refused."""
    weights = _weights(accept_encoding)
    others = weights.get("*")
    identity = weights.get(_IDENTITY, 1.0 if others is None else others)
    ours = {coding: weights.get(coding, others or 0.0) for coding in ENCODERS}
    best = max(ours, key=lambda coding: ours[coding])
    # Named beside a coding, the body as it is has a weight of its own; unnamed, it is the last resort.
    rival = identity if _IDENTITY in weights else 0.0
    return (best if ours[best] > 0 and ours[best] >= rival else None), identity == 0


def _weights(accept_encoding: str) -> dict[str, float]:
    """The weight of each coding by its name in lower case. What is not well-formed is passed over."""
    weights: dict[str, float] = {}
    for text in accept_encoding.split(","):
        item = _ITEM.fullmatch(text)
        if item is not None:
            name = item[1].lower().removeprefix("x-") if item[1].lower() == "x-gzip" else item[1].lower()
            weights[name] = 1.0 if item[2] is None else float(item[2])
    return weights
