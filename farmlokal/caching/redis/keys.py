"""Every key and channel that the cache tier uses in Redis, with its lifetime.

All begin with `farmlokal:{identity}:`, channels too, since Redis's pub/sub knows no database numbers. The braces make
the identity a hash tag: in a cluster all keys of one catalogue are in one slot, as scripts need them.
"""

from collections.abc import Callable
from functools import lru_cache

from farmlokal.caching.entry import FORMAT

# A tag's generation lives so long, and at least as long as any entry that remembers it.
GENERATION_MS = 3_600_000
# Longer than any pause between two processes' lives that leaves the entries themselves alive.
HOT_MS = 3_600_000


class RedisKeys:
    """The keys and channels of one catalogue.

    identity: of the catalogue, from its database. Two catalogues on one Redis have no name in common.
    """

    def __init__(self, identity: str) -> None:
        own = f"farmlokal:{{{identity}}}:"
        # The body's format stands in the entry's key alone: releases with different formats can share one Redis, and
        # hear of each other's writes and loads.
        self._entry = f"{own}entry:{FORMAT}:"
        self._lease = f"{own}lease:"
        self._wanted = f"{own}wanted:"
        self._generation = f"{own}generation:"
        # How far the writer of the database had come at the latest invalidation, a hash: of each timeline
        # `rank wall-seconds position`; `@`: the mark of the server at which it was begun; `?`: random, while something
        # is not known. Lives GENERATION_MS.
        self.positions = f"{own}positions"
        # The channel on which the end of a wanted load is announced, by its cache key.
        self.landed = f"{own}landed"
        # The channel of the notices: `{"from": sender, "tags": [tag, …]}`, and
        # `"doubt": [write, ms]` where that may yet take effect, or with 0 ms no longer may.
        self.notices = f"{own}notices"
        # What a process is asked for most, `[[key, [tag, …]], …]`: for processes that start. Lives HOT_MS.
        self.hot = f"{own}hot"
        # Most pages have the tags of many others. Making three keys takes 1.4 µs, a tenth of a batched read; finding
        # them 0.1.
        self.generations: Callable[[tuple[str, ...]], tuple[str, ...]] = lru_cache(4096)(self._generations)

    def __repr__(self) -> str:
        return f"<RedisKeys {self.notices}>"

    def entry(self, key: str) -> str:
        """Return the Redis key of the entry of the cache key `key`, which lives until its `stale_until`."""
        return self._entry + key

    def lease(self, key: str) -> str:
        """Return the Redis key that says who loads `key`: the holder's token. Lives LEASE_MS, renewed meanwhile."""
        return self._lease + key

    def lease_keys(self, key: str) -> list[str]:
        """Return the Redis keys of the lease on the cache key `key`, of its waiters' mark, and of the entry.

        The mark says that somebody waits for the load to end, which is else announced to nobody. Lives LEASE_MS.
        """
        return [self._lease + key, self._wanted + key, self._entry + key]

    def generation(self, tag: str) -> str:
        """Return the Redis key of the generation of `tag`.

        A missing one is made by the next load, and deleting it is what invalidates. Lives GENERATION_MS or longer.
        Where a write that touches the tag may yet take effect: `? name…`, which lives as long as the doubt.
        """
        return self._generation + tag

    def _generations(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple([self._generation + tag for tag in tags])
