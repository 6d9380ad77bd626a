"""What caches between the service and its callers are told of an answer (RFC 9111, RFC 5861, RFC 9211).

`max-age` is what is left, and there is no `Age`: an origin need not send one, and of the caches that people run half do
not count it (docs/clients.md). With the whole lifetime in `max-age` they would keep a page for up to twice as long.
"""

import math
from dataclasses import dataclass

from farmlokal.caching.lookup import Lookup, Outcome


@dataclass(frozen=True, slots=True)
class Freshness:
    """Makes the caching headers of a lookup. stale_s: how long past its fresh time an entry may serve."""

    stale_s: int

    def headers(self, lookup: Lookup, now: float) -> dict[str, str]:
        """`Cache-Control`, `Cache-Status`, and `Server-Timing` of a miss, as they are at `now` (wall seconds).

        Once an answer is not fresh any more, its stale time is what is left of it, too.
        """
        left_s = lookup.fresh_until - now
        max_age_s = 0
        if lookup.fresh and left_s > 0:
            # A clock that was set back makes nothing live longer.
            max_age_s = int(min(left_s, lookup.fresh_until - lookup.loaded_at))
        # An answer that was invalidated before its time has all of its stale time: that begins now.
        stale_s = max(0, self.stale_s + min(0, math.floor(left_s)))
        headers = {
            "Cache-Control": f"public, max-age={max_age_s}, stale-while-revalidate={stale_s}, stale-if-error={stale_s}",
            "Cache-Status": cache_status(lookup, now),
        }
        if lookup.outcome is Outcome.MISS:
            headers["Server-Timing"] = f"origin;dur={lookup.load_s * 1000:.1f}"
        return headers


def same_until(fresh_until: float, now: float) -> float:
    """Until when the caching headers of a hit, and its `Date`, are those of `now`; all in wall seconds.

    The seconds left change at other moments than the seconds of the clock.
    """
    return min(math.floor(now) + 1, fresh_until - math.floor(fresh_until - now))


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
        return f"farmlokal; hit; ttl={int(lookup.fresh_until - now)}; detail=redis"
    if outcome is Outcome.MISS:
        stored, collapsed = "; stored" * lookup.stored, "; collapsed" * lookup.collapsed
        return f"farmlokal; fwd=miss{stored}{collapsed}"
    if outcome is Outcome.STALE_ERROR:
        return "farmlokal; fwd=stale; detail=origin-error"
    if outcome is Outcome.STALE:
        # An entry that was invalidated within its fresh time turned stale only now.
        return f"farmlokal; hit; ttl={min(-1, math.floor(lookup.fresh_until - now))}"
    return f"farmlokal; hit; ttl={int(lookup.fresh_until - now)}; detail=memory"
