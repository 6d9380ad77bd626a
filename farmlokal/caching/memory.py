"""The process's own memory, bounded by bytes: the first tier, and what is remembered of requests beside it.

What stays in the tier and what leaves is S3-FIFO's decision: Yang et al., "FIFO queues are all you need for cache
eviction", SOSP 2023, with bytes in place of numbers of entries. docs/cache.md compares it with the alternatives.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Generic, TypeVar

from farmlokal.caching.entry import Entry

K = TypeVar("K")
V = TypeVar("V")

# What the tier itself takes for an entry, measured on CPython 3.11: the `_Held`, its place in a queue, the key's
# header, and one ghost, of which there are at most as many as entries.
_SLOT_BYTES = 512
# One entry may take at most this share: a single giant must not empty the cache.
_ENTRY_SHARE_MAX = 0.125
# The paper's share: newcomers prove themselves in a tenth of the memory, and a scan reaches no further.
_SMALL_SHARE = 0.1
# Uses in the small queue that earn a place in the main one. One is not enough: a crawler that asks for every page
# twice, or a reader who reloads, would get all its pages in.
_USES_TO_STAY = 2
# Two bits, as in the paper: a page that was hot an hour ago is given up after three rounds of the main queue.
_USES_MAX = 3
# However much is set aside: a tier that is small would else hold nothing.
_ENTRIES_SHARE_MIN = 0.75


class _Held:
    """An entry in one of the two queues: what it weighs there, and how often it was asked for."""

    __slots__ = ("entry", "uses", "weight")

    def __init__(self, entry: Entry, weight: int) -> None:
        self.entry = entry
        self.weight = weight
        self.uses = 0


class MemoryTier:
    """Entries by key, at most `bytes_max` of them by weight, less what is set aside.

    New entries enter a small queue, first in, first out. At its end, those that were asked for meanwhile move on to
    the main queue; the others leave, and of each a ghost (its key's hash) stays for a while: an entry that comes back
    while its ghost is there enters the main queue at once. At the end of the main queue an entry goes round again, once
    for each of its uses. So a hit moves nothing; it only counts.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        # What is left for entries.
        self._room_bytes = bytes_max
        self._bytes_aside = 0
        self._small: OrderedDict[str, _Held] = OrderedDict()
        self._main: OrderedDict[str, _Held] = OrderedDict()
        # Hashes, not keys: a key can be as long as a URL, and two that meet only admit one entry early.
        self._ghosts: OrderedDict[int, None] = OrderedDict()
        self._bytes_held = 0
        self._small_bytes = 0
        self.evictions = 0

    def __repr__(self) -> str:
        queues = f"small={len(self._small)} main={len(self._main)} ghosts={len(self._ghosts)}"
        room = f"bytes={self._bytes_held}/{self._room_bytes} small_bytes={self._small_bytes}"
        return f"<MemoryTier entries={len(self)} {room} {queues}>"

    def __len__(self) -> int:
        return len(self._small) + len(self._main)

    @property
    def bytes_held(self) -> int:
        """The weight of all entries in bytes."""
        return self._bytes_held

    @property
    def bytes_taken(self) -> int:
        """The weight of all entries and what is set aside, in bytes."""
        return self._bytes_held + self._bytes_aside

    def get(self, key: str) -> Entry | None:
        """Return the entry of `key`, whatever its age, or None; it counts as a use."""
        held = self._main.get(key) or self._small.get(key)
        if held is None:
            return None
        if held.uses < _USES_MAX:
            held.uses += 1
        return held.entry

    def peek(self, key: str) -> Entry | None:
        """Return what `get` does, without a use: further looks of one request must not count as several."""
        held = self._main.get(key) or self._small.get(key)
        return None if held is None else held.entry

    def hottest(self, count: int) -> list[tuple[str, Entry]]:
        """Return at most `count` keys and entries, asked for often enough to stay, the most asked for first."""
        return [(key, held.entry) for key, held in islice(self._by_use(), count)]

    def put(self, key: str, entry: Entry) -> None:
        """Keep `entry` in place of what `key` had, making room for it.

        An entry of more than an eighth of the tier is not kept, and what it would have replaced is forgotten. A tier of
        0 bytes keeps none.
        """
        if not self._bytes_max:
            return
        weight = weight_of(key, entry)
        if weight > self._bytes_max * _ENTRY_SHARE_MAX:
            self.drop(key)
            return
        # Before the look at what `key` has: making room may be what ends it.
        self._make_room(weight)
        held = self._main.get(key) or self._small.get(key)
        if held is None:
            self._admit(key, _Held(entry, weight))
        else:
            # A replaced entry keeps its place and its uses: it is the key that people ask for, not the version.
            self._bytes_held += weight - held.weight
            if key in self._small:
                self._small_bytes += weight - held.weight
            held.entry, held.weight = entry, weight
        # Several may have left for one.
        self._bound_ghosts()

    def reweigh(self, key: str) -> None:
        """Count what the entry of `key` has come to weigh, and make room for it; the entry itself may have to leave."""
        held = self._main.get(key) or self._small.get(key)
        if held is None:
            return
        grown = weight_of(key, held.entry) - held.weight
        held.weight += grown
        self._bytes_held += grown
        if key in self._small:
            self._small_bytes += grown
        self._make_room(0)
        self._bound_ghosts()

    def set_aside(self, grown_bytes: int) -> None:
        """Count so many bytes more, or fewer, that are kept elsewhere to answer sooner; entries leave to make room.

        They leave up to a quarter of the tier; what is set aside beyond that is not made room for.
        """
        self._bytes_aside += grown_bytes
        self._room_bytes = max(self._bytes_max - self._bytes_aside, int(self._bytes_max * _ENTRIES_SHARE_MIN))
        self._make_room(0)
        self._bound_ghosts()

    def drop(self, key: str) -> None:
        """Forget the entry of `key`."""
        held = self._main.pop(key, None)
        if held is not None:
            # Invalidation says that the value is old, not that nobody asks for it: the next one gets the place back.
            self._remember(key)
        else:
            held = self._small.pop(key, None)
            if held is None:
                return
            self._small_bytes -= held.weight
        self._bytes_held -= held.weight
        self._bound_ghosts()

    def clear(self) -> None:
        """Forget everything."""
        self._small.clear()
        self._main.clear()
        self._ghosts.clear()
        self._bytes_held = self._small_bytes = 0

    def _by_use(self) -> Iterator[tuple[str, _Held]]:
        """Those asked for often enough to stay. Not sorted: few of very many are wanted, while requests wait."""
        for uses in range(_USES_MAX, -1, -1):
            yield from (item for item in self._main.items() if item[1].uses == uses)
        yield from (item for item in self._small.items() if item[1].uses >= _USES_TO_STAY)

    def _admit(self, key: str, held: _Held) -> None:
        self._bytes_held += held.weight
        ghost = hash(key)
        if ghost in self._ghosts:
            del self._ghosts[ghost]
            self._main[key] = held
        else:
            self._small[key] = held
            self._small_bytes += held.weight

    def _make_room(self, weight: int) -> None:
        while self._bytes_held + weight > self._room_bytes:
            if self._small_bytes > self._room_bytes * _SMALL_SHARE or not self._main:
                self._end_of_small()
            else:
                self._end_of_main()

    def _end_of_small(self) -> None:
        key, held = self._small.popitem(last=False)
        self._small_bytes -= held.weight
        if held.uses >= _USES_TO_STAY:
            held.uses = 0
            self._main[key] = held
        else:
            self._bytes_held -= held.weight
            self.evictions += 1
            self._remember(key)

    def _end_of_main(self) -> None:
        key, held = self._main.popitem(last=False)
        if held.uses:
            held.uses -= 1
            self._main[key] = held
        else:
            self._bytes_held -= held.weight
            self.evictions += 1

    def _remember(self, key: str) -> None:
        self._ghosts[hash(key)] = None
        self._bound_ghosts()

    def _bound_ghosts(self) -> None:
        while len(self._ghosts) > len(self):
            self._ghosts.popitem(last=False)


def weight_of(key: str, entry: Entry) -> int:
    """Return what `entry` weighs under `key` in bytes, with everything that the tier keeps for it."""
    return len(key) + _SLOT_BYTES + entry.bytes_held


class Remembered(Generic[K, V]):
    """What is remembered so that the next request like one is answered sooner: values by key, the oldest leave.

    entries_max, bytes_max: how many at most, and what they may weigh together. weigh: what one takes in bytes with its
    key; the same each time, for as long as it is kept. set_aside: called with the bytes that all have come to take
    more, or fewer. by_key: to be read, by whoever looks for one; changed here alone.
    """

    __slots__ = ("_bytes_held", "_bytes_max", "_entries_max", "_set_aside", "_weigh", "by_key")

    def __init__(
        self,
        entries_max: int,
        bytes_max: int,
        weigh: Callable[[K, V], int],
        set_aside: Callable[[int], object],
    ) -> None:
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._weigh = weigh
        self._set_aside = set_aside
        self._bytes_held = 0
        self.by_key: dict[K, V] = {}

    def __repr__(self) -> str:
        return f"<Remembered entries={len(self)}/{self._entries_max} bytes={self._bytes_held}/{self._bytes_max}>"

    def __len__(self) -> int:
        return len(self.by_key)

    def keep(self, key: K, value: V) -> None:
        """Remember `value`, in place of what `key` has. The oldest leave: what is asked for often soon comes again."""
        before = self._bytes_held
        if key in self.by_key:
            self._drop(key)
        self.by_key[key] = value
        self._bytes_held += self._weigh(key, value)
        while len(self) > self._entries_max or self._bytes_held > self._bytes_max:
            self._drop(next(iter(self.by_key)))
        self._set_aside(self._bytes_held - before)

    def forget(self) -> None:
        """Forget all of them."""
        self.by_key.clear()
        self._set_aside(-self._bytes_held)
        self._bytes_held = 0

    def _drop(self, key: K) -> None:
        self._bytes_held -= self._weigh(key, self.by_key.pop(key))
