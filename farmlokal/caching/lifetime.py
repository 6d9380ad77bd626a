"""How long entries live."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from farmlokal.caching.entry import Entry
from farmlokal.caching.value import Value

# Entries loaded together (a cold start, an invalidation) must not expire together.
JITTER_SHARE = 0.1
# In the last fifth of its fresh time a hot entry is refreshed behind, so that it never turns stale at all.
EARLY_SHARE = 0.8
# Hits in that fifth that make a key hot: a key nobody asks for is not worth a load.
HOT_HITS = 3


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Fresh for `ttl_s` ± 10 % (jittered lifetime), then kept as stale for `stale_s`.

    A negative value is fresh for `negative_s` at most and never stale: what does not exist may exist soon.
    """

    ttl_s: float
    stale_s: float
    negative_s: float = 5.0
    draw: Callable[[], float] = random.random

    @property
    def fresh_max_s(self) -> float:
        """The longest that an entry can be fresh."""
        return self.ttl_s * (1 + JITTER_SHARE)

    def entry(
        self,
        value: Value,
        now: float,
        *,
        tags: tuple[str, ...] = (),
        generations: tuple[str, ...] = (),
        epoch: int = -1,
    ) -> Entry:
        """`value`, whose load began at `now`, with its expiry times drawn."""
        fresh_s = self.ttl_s * (1 + JITTER_SHARE * (2 * self.draw() - 1))
        stale_s = self.stale_s
        if value.negative:
            fresh_s, stale_s = min(fresh_s, self.negative_s), 0.0
        fresh_until = now + fresh_s
        return Entry(value, now, fresh_until, fresh_until + stale_s, generations, tags, epoch)


def early_from(entry: Entry) -> float:
    """From when on (wall seconds) a hot `entry` is refreshed before it turns stale."""
    return entry.loaded_at + EARLY_SHARE * (entry.fresh_until - entry.loaded_at)
