"""What may be served, and how: decided from entries, the clock and the history of tags. Nothing is changed here.

In each table the first line that fits decides. `peek` looks at memory; where that says `ASK`, `ask` goes on to Redis,
and from there to the origin. A refresh runs behind the answer, one of a key at a time.

| `of_memory`: memory has | decision | the caller gets | and then |
|---|---|---|---|
| nothing, or an entry past its stale time | `ASK` | nothing yet | Redis is asked |
| one that is current, at its third hit in the last fifth of its fresh time | `HIT_AND_REFRESH` | a hit | one refresh |
| one that is current, at its first or second hit in that fifth | `HIT_NEAR_EXPIRY` | a hit | it is counted |
| any other that is fresh and current | `HIT` | a hit | |
| one that is fresh, not negative, and notices may have been missed while Redis is away | `DOUBTFUL` | it, as stale | |
| any other that is fresh, but notices may have been missed | `ASK` | nothing yet | Redis is asked about it |
| any other that is negative | `ASK` | nothing yet | Redis is asked |
| one older than a write of this process, unless its refresh failed just now | `ASK` | nothing yet | Redis is asked |
| any other whose last refresh failed | `STALE_ERROR` | it, as stale-if-error | one refresh, after a pause |
| any other: its time is over, or another process invalidated it | `STALE` | it, as stale | one refresh |

| `of_snapshot`: Redis has answered | the caller gets | and then |
|---|---|---|
| an entry, memory's or Redis's, is fresh, and was current when Redis was asked | a hit | memory keeps it |
| Redis said nothing in time; memory's entry is fresh and current | a memory hit | |
| Redis said nothing in time; it is fresh, not negative, and notices may have been missed | it, as stale | |
| Redis has none, or one that is negative or past its stale time | nothing yet | the origin loads |
| Redis has one older than a write of this process | nothing yet | the origin loads |
| Redis has any other | it, as stale | memory keeps it; one refresh |

| `may_be_given`, `may_be_shared`, `in_place_of_error`: the load | the caller gets | and then |
|---|---|---|
| brought a value, and a write in doubt touches one of its tags | a miss, not called fresh | memory keeps it, as stale |
| brought a value, and none of its tags was invalidated meanwhile | a miss | memory and Redis keep it |
| brought one that was invalidated meanwhile, a third time | a miss, not called fresh | memory keeps it, as stale |
| brought one that was invalidated meanwhile | what the next load brings | memory keeps it, as stale |
| failed for want of the origin; memory's entry is in its stale time | it, as stale-if-error | a pause of 1 s ± 50 % |
| failed; memory has none such, or a negative one | the error | |

Of two entries that fit, memory's and Redis's, the one loaded later is given. Whether an entry is current says
`TagHistory.standing`. A refresh goes by the second table, but takes nothing stale, and nothing as old as what it is to
replace. A negative entry has no last fifth: it is not refreshed.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from farmlokal.caching.entry import Entry
from farmlokal.caching.lookup import Accepts, Lookup, Outcome
from farmlokal.caching.tag_history import NOT_KNOWN_OLD, Standing

# In the last fifth of its fresh time a hot entry is refreshed behind, so that it never turns stale at all.
EARLY_SHARE = 0.8
# Hits in that fifth that make a key hot: a key nobody asks for is not worth a load.
HOT_HITS = 3
# An enum's member takes as long to find as a key in memory.
_MEMORY_HIT, _REDIS_HIT = Outcome.MEMORY_HIT, Outcome.REDIS_HIT
_VALID = Standing.VALID


class Decision(Enum):
    """How an entry in memory is served."""

    ASK = "ask"
    HIT = "hit"
    HIT_NEAR_EXPIRY = "hit near expiry"
    HIT_AND_REFRESH = "hit and refresh"
    DOUBTFUL = "doubtful"
    STALE = "stale"
    STALE_ERROR = "stale error"


_HIT = Decision.HIT
# No entry's epoch is lower.
UNCONFIRMED = -1


class Found(NamedTuple):
    """An answer, and the entry that it was made of, by which it is checked on the way out."""

    lookup: Lookup
    entry: Entry


def of_memory(entry: Entry, standing: Standing, now: float, *, away: bool) -> Decision:
    """Return how `entry` is served without waiting.

    standing: what invalidations say of it. now: wall seconds. away: whether Redis is, so that it is not asked.
    """
    if entry.stale_until <= now:
        return Decision.ASK
    if entry.fresh_until > now:
        if standing is _VALID:
            return _HIT if now < hits_simple_until(entry) else _near_expiry(entry)
        if standing is Standing.UNKNOWN:
            return Decision.DOUBTFUL if away and not entry.value.negative else Decision.ASK
    if entry.value.negative or (standing is Standing.OWN_WRITE and entry.retry_at <= now):
        return Decision.ASK
    return Decision.STALE_ERROR if entry.retry_at else Decision.STALE


def _near_expiry(entry: Entry) -> Decision:
    return Decision.HIT_NEAR_EXPIRY if entry.hits_near_expiry + 1 < HOT_HITS else Decision.HIT_AND_REFRESH


def hits_simple_until(entry: Entry) -> float:
    """Return from when on (wall seconds) hits are counted, to refresh a hot `entry` before it turns stale.

    A negative one is not refreshed, and no other twice: these are fresh until their end.
    """
    if entry.value.negative or entry.hits_near_expiry >= HOT_HITS:
        return entry.fresh_until
    return entry.loaded_at + EARLY_SHARE * (entry.fresh_until - entry.loaded_at)


def of_snapshot(
    held: Entry | None,
    kept: Entry | None,
    standing: Callable[[Entry], Standing],
    *,
    confirmed_from: int,
    now: float,
    accepts: Accepts,
) -> Found | None:
    """Return the answer that memory's entry `held` or Redis's entry `kept` gives; None where neither may be served.

    confirmed_from: the epoch at which Redis was asked, and at which a hit has to be known to be current; UNCONFIRMED
    where Redis did not say. now: wall seconds. accepts: what the caller can use.
    """
    if confirmed_from == UNCONFIRMED:
        return _without_redis(held, standing, now, accepts)
    for entry, outcome in _newest_first(held, kept):
        if (
            entry.fresh_until > now
            and entry.loaded_at > accepts.loaded_after
            and entry.epoch >= confirmed_from
            # Notices may be missed while Redis is asked. What it said holds for the moment at which it was asked.
            and standing(entry) in NOT_KNOWN_OLD
        ):
            return Found(entry.lookup(outcome), entry)
    if not accepts.stale or kept is None or kept.value.negative or kept.stale_until <= now:
        return None
    return None if standing(kept) is Standing.OWN_WRITE else Found(kept.lookup(Outcome.STALE), kept)


def _without_redis(
    held: Entry | None, standing: Callable[[Entry], Standing], now: float, accepts: Accepts
) -> Found | None:
    if held is None or held.fresh_until <= now or held.loaded_at <= accepts.loaded_after:
        return None
    of_held = standing(held)
    if of_held is _VALID:
        return Found(held.lookup(_MEMORY_HIT), held)
    doubtful = of_held is Standing.UNKNOWN and accepts.stale and not held.value.negative
    return Found(held.lookup(Outcome.STALE), held) if doubtful else None


def _newest_first(held: Entry | None, kept: Entry | None) -> list[tuple[Entry, Outcome]]:
    """Return memory's and Redis's entry, as far as there are such; of two copies of one, memory's first."""
    if kept is None:
        return [(held, _MEMORY_HIT)] if held is not None else []
    if held is None or held is kept:  # another caller of the same snapshot put it there
        return [(kept, _REDIS_HIT)]
    both = [(held, _MEMORY_HIT), (kept, _REDIS_HIT)]
    return both if held.loaded_at >= kept.loaded_at else both[::-1]


def may_be_given(outcome: Outcome, standing: Standing) -> bool:
    """Return whether what Redis or a load brought may be given as what it is. standing: of its entry by now."""
    return outcome is Outcome.STALE or standing in NOT_KNOWN_OLD


def may_be_shared(standing: Standing) -> bool:
    """Return whether a loaded entry goes to Redis, which looks itself. standing: what invalidations say of it."""
    return standing in NOT_KNOWN_OLD


def in_place_of_error(entry: Entry | None, now: float) -> Lookup | None:
    """Return the answer that memory's `entry` gives where a load failed; None where it has none. now: wall seconds."""
    if entry is None or entry.stale_until <= now or entry.value.negative:
        return None
    return entry.lookup(Outcome.STALE_ERROR)
