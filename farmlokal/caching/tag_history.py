"""What this process knows of invalidations, and what follows from it for an entry. It does no I/O.

Time is counted in epochs: an integer that grows with whatever can make an entry doubtful (a notice, a write of this
process's own, notices that may have been missed). An entry that was current at the present epoch is current, which is
all that a memory hit has to look at; for any other its tags are looked at one by one.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from farmlokal.caching.entry import Entry

# The tag that every entry carries.
EVERYTHING = "*"


@lru_cache(1024)
def with_everything(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The tags, and that one: the same tuple for thousands of questions, which most have few tags between them."""
    return (*tags, EVERYTHING)


# About 10 MB. What is forgotten beyond that makes entries older than it stale, never fresh.
_TAGS_MAX = 50_000
# More writes than this to one tag within the window are a burst. Then this process's readers get stale answers like
# everybody's: loading anew after each write would turn the cache off.
_WRITES_MAX = 10
_WINDOW_S = 0.1
_UNSHARED = math.inf
# For so long after the last sign of life of the notices nothing can have been missed that is older than this. It is the
# bound for how old a page may be and still be called fresh while Redis is away.
HEARD_S = 1.0


class Standing(Enum):
    """What invalidations say of an entry; its age is another matter."""

    VALID = "valid"
    STALE = "stale"  # invalidated: may be served, never as fresh
    OWN_WRITE = "own write"  # invalidated by this process, whose own readers see the new value at once
    UNKNOWN = "unknown"  # notices may have been missed since: Redis has to be asked


NOT_KNOWN_OLD = (Standing.VALID, Standing.UNKNOWN)


@dataclass(slots=True)
class _Tag:
    """What is known of one tag.

    invalidated_at: a load begun before this epoch may have read the old value. trusted_from: what Redis said when asked
    before this epoch may be older than the invalidation; infinite until this process's own has reached Redis.
    own_at: wall seconds of this process's latest write. window_from, writes: this process's writes in a row.
    """

    invalidated_at: int = 0
    trusted_from: float = 0
    own_at: float = -math.inf
    window_from: float = -math.inf
    writes: int = 0


class Moment(NamedTuple):
    """When something was asked: the epoch, and wall seconds."""

    epoch: int
    at: float


class TagHistory:
    """The invalidations of the last 50,000 tags to have one, and the writes that may yet take effect.

    clock: wall seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.epoch = 0
        self._clock = clock
        self._heard_until = math.inf  # where there is nobody to hear
        self._doubts: dict[str, tuple[frozenset[str], float]] = {}
        self._tags: dict[str, _Tag] = {}  # in the order of their latest invalidation
        self._forgotten_at = 0
        self._missed_at = 0

    def __repr__(self) -> str:
        unshared = sum(tag.trusted_from == _UNSHARED for tag in self._tags.values())
        return f"<TagHistory epoch={self.epoch} tags={len(self._tags)} unshared={unshared}>"

    def invalidated_elsewhere(self, tags: Iterable[str]) -> None:
        """Another process invalidated `tags`."""
        self.epoch += 1
        for name in tags:
            tag = self._latest(name)
            tag.invalidated_at = self.epoch
            tag.trusted_from = max(tag.trusted_from, self.epoch)

    def invalidated_here(self, tags: Iterable[str], now: float, *, to_share: bool) -> None:
        """Our own process invalidated `tags` at `now` (wall seconds). to_share: Redis is yet to hear of it."""
        self.epoch += 1
        for name in tags:
            tag = self._latest(name)
            tag.invalidated_at = self.epoch
            tag.trusted_from = _UNSHARED if to_share else self.epoch
            if now - tag.window_from > _WINDOW_S:
                tag.window_from, tag.writes = now, 0
            tag.writes += 1
            if tag.writes <= _WRITES_MAX:
                tag.own_at = now

    def invalidated_shared(self, tags: Iterable[str]) -> None:
        """Redis knows by now of this process's invalidations of `tags`."""
        self.epoch += 1
        for name in tags:
            tag = self._tags.get(name)
            if tag is not None:
                tag.trusted_from = self.epoch

    def notices_missed(self) -> None:
        """Notices may have been missed until now."""
        self.epoch += 1
        self._missed_at = self.epoch

    def moment(self) -> Moment:
        """Return the present one."""
        return Moment(self.epoch, self._clock())

    def heard(self, asked_at: float) -> None:
        """Everything that others had sent by `asked_at` (wall seconds) is known: a question of that moment is answered.

        From the first call on, which may be one for the distant past, what was not heard of for HEARD_S is doubtful.
        """
        self._heard_until = asked_at + HEARD_S

    def current_until(self, entry: Entry) -> float:
        """Return until when (wall seconds) `entry`, valid now, may be called so without another sign of life."""
        return max(self._heard_until, entry.known_at + HEARD_S)

    def doubt(self, write: str, tags: Iterable[str], until: float) -> None:
        """Whether a write to `tags` takes effect is not known before `until` (wall seconds), or before it is settled.

        write: its name, random.
        """
        now = self._clock()
        self._doubts = {name: doubt for name, doubt in self._doubts.items() if doubt[1] > now}
        self._doubts[write] = frozenset(tags), until

    def settled(self, write: str) -> None:
        """Whether that write took effect is known by now."""
        self._doubts.pop(write, None)

    def in_doubt(self, tags: Iterable[str]) -> bool:
        """Return whether a write that may yet take effect touches one of `tags`."""
        if not self._doubts:
            return False
        now = self._clock()
        return any(until > now and not touched.isdisjoint(tags) for touched, until in self._doubts.values())

    def trusts(self, tags: Iterable[str], asked_at: int) -> bool:
        """Return whether what Redis said of `tags`, asked at epoch `asked_at`, is as new as what this process knows."""
        if asked_at < self._forgotten_at:
            return False
        for name in tags if self._tags else ():
            tag = self._tags.get(name)
            if tag is not None and tag.trusted_from > asked_at:
                return False
        return True

    def last_heard(self, name: str) -> int:
        """Return the epoch at which one tag was last known, or could have been, to be invalidated."""
        tag = self._tags.get(name)
        return max(0 if tag is None else tag.invalidated_at, self._missed_at, self._forgotten_at)

    def standing(self, entry: Entry) -> Standing:
        """Return what invalidations say of `entry`."""
        since = entry.epoch
        if since == self.epoch:
            return self._valid(entry)
        changed, own = since < self._forgotten_at, False
        for name in entry.tags:
            tag = self._tags.get(name)
            if tag is not None:
                changed = changed or tag.invalidated_at > since
                own = own or tag.own_at >= entry.loaded_at
        if changed:
            return Standing.OWN_WRITE if own else Standing.STALE
        return Standing.UNKNOWN if since < self._missed_at else self._valid(entry)

    def _valid(self, entry: Entry) -> Standing:
        return Standing.VALID if self._clock() < self.current_until(entry) else Standing.UNKNOWN

    def _latest(self, name: str) -> _Tag:
        tag = self._tags.pop(name, None) or _Tag()
        self._tags[name] = tag
        while len(self._tags) > _TAGS_MAX:
            oldest = self._tags.pop(next(iter(self._tags)))
            # What was never shared is not to be trusted again before the present epoch has passed.
            known_at = self.epoch if oldest.trusted_from == _UNSHARED else int(oldest.trusted_from)
            self._forgotten_at = max(self._forgotten_at, oldest.invalidated_at, known_at)
        return tag
