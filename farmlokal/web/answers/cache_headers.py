"""What an answer of the cache tells clients and caches in between."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from farmlokal.caching.lookup import Lookup, Outcome


@dataclass(frozen=True, slots=True)
class Freshness:
    """Makes the caching headers of a lookup. stale_s: how long past its fresh time an entry may serve."""

    stale_s: int
    clock: Callable[[], float] = time.time

    def headers(self, lookup: Lookup) -> dict[str, str]:
        """`Cache-Control` and `Age` (RFC 9111, RFC 5861), `Cache-Status` (RFC 9211), and `Server-Timing` of a miss."""
        now = self.clock()
        age_s = max(0, int(now - lookup.loaded_at))
        max_age_s = round(lookup.fresh_until - lookup.loaded_at)
        if not lookup.fresh:
            # Invalidated before its time, perhaps: no cache in between may think it fresh for longer than we do.
            max_age_s = min(max_age_s, age_s)
        headers = {
            "Cache-Control": (
                f"public, max-age={max_age_s}, stale-while-revalidate={self.stale_s}, stale-if-error={self.stale_s}"
            ),
            "Age": str(age_s),
            "Cache-Status": cache_status(lookup, now),
        }
        if lookup.outcome is Outcome.MISS:
            headers["Server-Timing"] = f"origin;dur={lookup.load_s * 1000:.1f}"
        return headers


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
