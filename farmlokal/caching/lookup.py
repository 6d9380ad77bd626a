"""The answer that a caller of the cache gets."""

from enum import StrEnum
from typing import NamedTuple

from farmlokal.caching.value import Value


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
    again: it is good for this answer and not to be called fresh. load_s: what the load took, for a miss.
    """

    value: Value
    loaded_at: float
    fresh_until: float
    outcome: Outcome
    collapsed: bool = False
    stored: bool = True
    load_s: float = 0.0

    @property
    def fresh(self) -> bool:
        """Whether the answer is given as fresh."""
        return self.stored and not _is_stale(self.outcome)
