"""What a caller of the cache asks, and the answer that it gets."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import NamedTuple

from farmlokal.caching.entry import Entry, Value
from farmlokal.caching.lifetime import Lifetime

Loader = Callable[[], Awaitable[Value]]


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


class Question(NamedTuple):
    """One key, how to load it, the tags that invalidate it, and how long it lives."""

    key: str
    load: Loader
    tags: tuple[str, ...]
    lifetime: Lifetime


def answer(entry: Entry, outcome: Outcome) -> Lookup:
    """`entry` as an answer without a load. A hit on a negative value is a negative hit, wherever it was kept."""
    if entry.value.negative and not _is_stale(outcome):
        outcome = Outcome.NEGATIVE_HIT
    return Lookup(entry.value, entry.loaded_at, entry.fresh_until, outcome)
