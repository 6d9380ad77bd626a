"""The first tier: the process's own memory, bounded by bytes."""

from collections import OrderedDict

from farmlokal.caching.entry import Entry

# One entry may take at most this share: a single giant must not empty the cache.
_ENTRY_SHARE_MAX = 0.125


class MemoryTier:
    """Entries by key, at most `bytes_max` of them by weight; the least recently used leave first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes_held = 0

    def __repr__(self) -> str:
        return f"<MemoryTier entries={len(self._entries)} bytes={self._bytes_held}/{self._bytes_max}>"

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_held(self) -> int:
        """The weight of all entries in bytes."""
        return self._bytes_held

    def get(self, key: str) -> Entry | None:
        """The entry of `key`, whatever its age."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep `entry`, making room for it; what is too heavy for this tier is not kept."""
        self.drop(key)
        weight = _weight(key, entry)
        if weight > self._bytes_max * _ENTRY_SHARE_MAX:
            return
        self._entries[key] = entry
        self._bytes_held += weight
        while self._bytes_held > self._bytes_max:
            old_key, old_entry = self._entries.popitem(last=False)
            self._bytes_held -= _weight(old_key, old_entry)

    def drop(self, key: str) -> None:
        """Forget `key`."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes_held -= _weight(key, entry)


def _weight(key: str, entry: Entry) -> int:
    return len(key) + entry.bytes_held
