"""What a caller of the cache asks, and the answer that it gets."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from farmlokal.caching.value import Value

Loader = Callable[[], Awaitable[Value]]

# Entries loaded together (a cold start, an invalidation) must not expire together.
JITTER_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an entry lives: fresh for `ttl_s` ± 10 % (jittered lifetime), then kept as stale for `stale_s`.

    A negative value is fresh for `negative_s` at most and never stale: what does not exist may exist soon.
    draw: gives a random number from 0 to 1.
    """

    ttl_s: float
    stale_s: float
    negative_s: float = 5.0
    draw: Callable[[], float] = random.random

    @property
    def fresh_max_s(self) -> float:
        """The longest that an entry can be fresh, in seconds."""
        return self.ttl_s * (1 + JITTER_SHARE)

    def ends(self, loaded_at: float, *, negative: bool) -> tuple[float, float]:
        """Return the drawn `fresh_until` and `stale_until` (wall seconds) of a value.

        loaded_at: wall seconds at which its load began. negative: whether it says that there is no such thing.
        """
        fresh_s = self.ttl_s * (1 + JITTER_SHARE * (2 * self.draw() - 1))
        stale_s = self.stale_s
        if negative:
            fresh_s, stale_s = min(fresh_s, self.negative_s), 0.0
        fresh_until = loaded_at + fresh_s
        return fresh_until, fresh_until + stale_s


class Question(NamedTuple):
    """One key, how to load it, the tags that invalidate it, and how long it lives."""

    key: str
    load: Loader
    tags: tuple[str, ...]
    lifetime: Lifetime


class Accepts(NamedTuple):
    """What answers a question without a load of its own.

    loaded_after: only a value whose load began later (wall seconds). stale: also one that is no longer fresh.
    """

    loaded_after: float = float("-inf")
    stale: bool = False


FRESH = Accepts()
FRESH_OR_STALE = Accepts(stale=True)


class Outcome(StrEnum):
    """Where an answer came from."""

    MEMORY_HIT = "memory"
    REDIS_HIT = "redis"
    NEGATIVE_HIT = "negative"  # remembered that there is no such thing
    STALE = "stale"  # served at once while one refresh runs behind
    STALE_ERROR = "stale-error"  # served because the origin fails
    MISS = "miss"


def _is_stale(outcome: Outcome) -> bool:
    # Not by a set: looking an enum's member up takes ten times as long.
    return outcome is Outcome.STALE or outcome is Outcome.STALE_ERROR


class Lookup(NamedTuple):
    """An answer of the cache: the value, its times in wall seconds, and where it came from.

    collapsed: another caller's load brought it. stored: false for what was invalidated while it was loaded, again and
    again: it is good for this answer and not to be called fresh. load_s: seconds that the load took, for a miss.
    steady: this very answer was given before, and will be again until it expires: what is made of it is worth keeping.
    """

    value: Value
    loaded_at: float
    fresh_until: float
    outcome: Outcome
    collapsed: bool = False
    stored: bool = True
    load_s: float = 0.0
    steady: bool = False

    @property
    def fresh(self) -> bool:
        """Whether the answer is given as fresh."""
        return self.stored and not _is_stale(self.outcome)
