"""What is remembered of requests beside the cache, so that the next like them is answered sooner: bounded by bytes."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by key, of which the oldest leave.

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
