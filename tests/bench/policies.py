"""What decides which page stays: the tier that ships, and small models of the alternatives, all bounded by bytes."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from farmlokal.caching.entry import Entry
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.value import Value


class Policy(Protocol):
    """A cache that is asked for page numbers."""

    def ask(self, page: int) -> bool:
        """Whether `page` was there; it is offered to the cache when it was not."""
        ...


PolicyMaker = Callable[[int, Sequence[int], Sequence[int]], Policy]


def key_of(page: int) -> str:
    """The cache key of a page number; all are of one length."""
    return f"products?page={page:08}"


class Shipped:
    """The tier as it ships: S3-FIFO by bytes."""

    def __init__(self, bytes_max: int, weights: Sequence[int], body_bytes: Sequence[int]) -> None:
        self._tier = MemoryTier(bytes_max)
        self._body_bytes = body_bytes
        # One entry for all bodies of a size: what it weighs is all that counts here.
        self._entries = {size: entry_of(size) for size in set(body_bytes)}

    def ask(self, page: int) -> bool:
        """See Policy.ask."""
        key = key_of(page)
        if self._tier.get(key) is not None:
            return True
        self._tier.put(key, self._entries[self._body_bytes[page]])
        return False


def entry_of(body_bytes: int) -> Entry:
    """An entry with a body of that size."""
    return Entry(Value(bytes(body_bytes)), loaded_at=0, fresh_until=1e9, stale_until=2e9)


class Lru:
    """The least recently used leaves first."""

    def __init__(self, bytes_max: int, weights: Sequence[int], body_bytes: Sequence[int]) -> None:
        self._bytes_left = bytes_max
        self._weights = weights
        self._pages: OrderedDict[int, None] = OrderedDict()

    def ask(self, page: int) -> bool:
        """See Policy.ask."""
        if page in self._pages:
            self._pages.move_to_end(page)
            return True
        self._pages[page] = None
        self._bytes_left -= self._weights[page]
        while self._bytes_left < 0:
            left, _ = self._pages.popitem(last=False)
            self._bytes_left += self._weights[left]
        return False


class Sieve:
    """Zhang et al., "SIEVE is simpler than LRU", NSDI 2024: one queue and a hand that spares what was visited."""

    def __init__(self, bytes_max: int, weights: Sequence[int], body_bytes: Sequence[int]) -> None:
        self._bytes_left = bytes_max
        self._weights = weights
        self._visited: dict[int, bool] = {}
        # A ring through the page numbers, with -1 between the newest and the oldest.
        self._newer = {-1: -1}
        self._older = {-1: -1}
        self._hand = -1

    def ask(self, page: int) -> bool:
        """See Policy.ask."""
        if page in self._visited:
            self._visited[page] = True
            return True
        while self._bytes_left < self._weights[page]:
            self._evict()
        self._visited[page] = False
        self._bytes_left -= self._weights[page]
        newest = self._older[-1]
        self._newer[newest], self._older[page] = page, newest
        self._newer[page], self._older[-1] = -1, page
        return False

    def _evict(self) -> None:
        while self._hand == -1 or self._visited[self._hand]:
            if self._hand != -1:
                self._visited[self._hand] = False
            self._hand = self._newer[self._hand]
        left, self._hand = self._hand, self._newer[self._hand]
        older = self._older.pop(left)
        self._newer[older], self._older[self._hand] = self._hand, older
        del self._newer[left], self._visited[left]
        self._bytes_left += self._weights[left]


class WTinyLfu:
    """Einziger et al., "TinyLFU", ACM Transactions on Storage 2017: a window of 1 %, then a segmented LRU.

    Kinder to it than life: the frequencies are exact counters, halved as the sketch's would be, without its collisions.
    Its window keeps its size; Caffeine's adapts.
    """

    def __init__(self, bytes_max: int, weights: Sequence[int], body_bytes: Sequence[int]) -> None:
        self._weights = weights
        self._window: OrderedDict[int, None] = OrderedDict()
        self._probation: OrderedDict[int, None] = OrderedDict()
        self._protected: OrderedDict[int, None] = OrderedDict()
        self._window_left = bytes_max // 100
        self._main_left = bytes_max - self._window_left
        self._protected_left = self._main_left * 8 // 10
        self._uses: Counter[int] = Counter()
        self._asked = 0
        # Ten requests for each entry that fits, then every count is halved.
        self._sample = 10 * bytes_max * len(weights) // sum(weights)

    def ask(self, page: int) -> bool:
        """See Policy.ask."""
        self._count(page)
        if page in self._window:
            self._window.move_to_end(page)
        elif page in self._protected:
            self._protected.move_to_end(page)
        elif page in self._probation:
            self._protect(page)
        else:
            self._window[page] = None
            self._window_left -= self._weights[page]
            while self._window_left < 0:
                candidate, _ = self._window.popitem(last=False)
                self._window_left += self._weights[candidate]
                self._admit(candidate)
            return False
        return True

    def _count(self, page: int) -> None:
        self._uses[page] = min(self._uses[page] + 1, 15)
        self._asked += 1
        if self._asked >= self._sample:
            self._uses = Counter({page: uses // 2 for page, uses in self._uses.items() if uses > 1})
            self._asked //= 2

    def _protect(self, page: int) -> None:
        del self._probation[page]
        self._protected[page] = None
        self._protected_left -= self._weights[page]
        while self._protected_left < 0:
            left, _ = self._protected.popitem(last=False)
            self._protected_left += self._weights[left]
            self._probation[left] = None

    def _admit(self, candidate: int) -> None:
        while self._main_left < self._weights[candidate]:
            segment = self._probation or self._protected
            victim = next(iter(segment))
            if self._uses[candidate] <= self._uses[victim]:
                return
            del segment[victim]
            self._main_left += self._weights[victim]
            if segment is self._protected:
                self._protected_left += self._weights[victim]
        self._probation[candidate] = None
        self._main_left -= self._weights[candidate]


ONLINE: dict[str, PolicyMaker] = {
    "S3-FIFO (ships)": Shipped,
    "LRU": Lru,
    "SIEVE": Sieve,
    "W-TinyLFU": WTinyLfu,
}
