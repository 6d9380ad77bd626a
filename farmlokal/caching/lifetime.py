"""How long entries live."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from farmlokal.caching.entry import Entry, Value

# Entries loaded together (a cold start, an invalidation) must not expire together.
JITTER_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Fresh for `ttl_s` ± 10 % (jittered lifetime), then kept as stale for `stale_s`."""

    ttl_s: float
    stale_s: float
    draw: Callable[[], float] = random.random

    def entry(self, value: Value, now: float) -> Entry:
        """`value`, loaded at `now`, with its expiry times drawn."""
        fresh_s = self.ttl_s * (1 + JITTER_SHARE * (2 * self.draw() - 1))
        return Entry(value, loaded_at=now, fresh_until=now + fresh_s, stale_until=now + fresh_s + self.stale_s)
