"""What an answer of the cache tells clients and caches in between."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from farmlokal.caching.read_through import Lookup, Outcome


@dataclass(frozen=True, slots=True)
class Freshness:
    """Makes the caching headers of a lookup. stale_s: how long past its fresh time an entry may serve."""

    stale_s: int
    clock: Callable[[], float] = time.time

    def headers(self, lookup: Lookup) -> dict[str, str]:
        """`Cache-Control` and `Age` (RFC 9111, RFC 5861), `Cache-Status` (RFC 9211), `ETag`, `Server-Timing`."""
        entry = lookup.entry
        now = self.clock()
        max_age_s = round(entry.fresh_until - entry.loaded_at)
        headers = {
            "Cache-Control": (
                f"public, max-age={max_age_s}, stale-while-revalidate={self.stale_s}, stale-if-error={self.stale_s}"
            ),
            "Age": str(max(0, int(now - entry.loaded_at))),
            "Cache-Status": cache_status(lookup, now),
            "ETag": entry.value.etag,
            "Vary": "Accept-Encoding",
        }
        if lookup.outcome is Outcome.MISS:
            headers["Server-Timing"] = f"origin;dur={lookup.load_s * 1000:.1f}"
        return headers


def cache_status(lookup: Lookup, now: float) -> str:
    """The `Cache-Status` of a lookup: `farmlokal; hit; ttl=21; detail=memory`, `farmlokal; fwd=miss; stored`."""
    if lookup.outcome is Outcome.MISS:
        return "farmlokal; fwd=miss; stored" + ("; collapsed" if lookup.collapsed else "")
    return f"farmlokal; hit; ttl={int(lookup.entry.fresh_until - now)}; detail={lookup.outcome}"
