"""Which representation of a cached value a request gets, and with which headers (RFC 9110, RFC 9111).

Decided from plain values: the handlers and the hot path both ask here, and cannot disagree.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.value import ENCODERS, Value
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


@dataclass(frozen=True, slots=True)
class Freshness:
    """Makes the caching headers of a lookup. stale_s: how long past its fresh time an entry may serve.

    `max-age` is what is left, and there is no `Age`: an origin need not send one, and half of the real caches do not
    count it (docs/clients.md). With the whole lifetime in `max-age` they would keep a page twice as long.
    """

    stale_s: int

    def headers(self, lookup: Lookup, now: float) -> dict[str, str]:
        """`Cache-Control` (RFC 9111, RFC 5861), `Cache-Status` (RFC 9211), and `Server-Timing` of a miss.

        now: wall seconds, at which they are true. Once an answer is not fresh any more, the two `stale-…` directives
        are what is left, too.
        """
        left_s = lookup.fresh_until - now
        max_age_s = 0
        if lookup.fresh and left_s > 0:
            # A clock that was set back makes nothing live longer.
            max_age_s = int(min(left_s, lookup.fresh_until - lookup.loaded_at))
        # An answer that was invalidated before its time has all of its stale time: that begins now.
        stale_s = max(0, self.stale_s + min(0, math.floor(left_s)))
        headers = {"Cache-Control": _cache_control(max_age_s, stale_s), "Cache-Status": cache_status(lookup, now)}
        if lookup.outcome is Outcome.MISS:
            headers["Server-Timing"] = f"origin;dur={lookup.load_s * 1000:.1f}"
        return headers


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


def same_until(fresh_until: float, now: float) -> float:
    """Until when the caching headers of a hit, and its `Date`, are those of `now`; all in wall seconds.

    The seconds left change at other moments than the seconds of the clock.
    """
    return min(math.floor(now) + 1, fresh_until - math.floor(fresh_until - now))


# Most pages are of the same few ages, and to find a text takes a tenth of the time to make it.
@lru_cache(maxsize=4096)
def _cache_control(max_age_s: int, stale_s: int) -> str:
    return f"public, max-age={max_age_s}, stale-while-revalidate={stale_s}, stale-if-error={stale_s}"


@lru_cache(maxsize=4096)
def _fresh_hit(ttl_s: int, source: str) -> str:
    return f"farmlokal; hit; ttl={ttl_s}; detail={source}"


def cache_status(lookup: Lookup, now: float) -> str:
    """The `Cache-Status` of a lookup.

    ::

        farmlokal; hit; ttl=21; detail=memory   fresh, from memory (or redis)
        farmlokal; hit; ttl=-12                 stale, being refreshed behind
        farmlokal; fwd=stale; detail=origin-error
        farmlokal; fwd=miss; stored; collapsed  another caller's load brought it
    """
    outcome = lookup.outcome
    if outcome is Outcome.REDIS_HIT:
        return _fresh_hit(int(lookup.fresh_until - now), "redis")
    if outcome is Outcome.MISS:
        stored, collapsed = "; stored" * lookup.stored, "; collapsed" * lookup.collapsed
        return f"farmlokal; fwd=miss{stored}{collapsed}"
    if outcome is Outcome.STALE_ERROR:
        return "farmlokal; fwd=stale; detail=origin-error"
    if outcome is Outcome.STALE:
        # An entry that was invalidated within its fresh time turned stale only now.
        return f"farmlokal; hit; ttl={min(-1, math.floor(lookup.fresh_until - now))}"
    return _fresh_hit(int(lookup.fresh_until - now), "memory")


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
