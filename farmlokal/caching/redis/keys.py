"""Every key and channel that the cache tier uses in Redis, with its lifetime."""

from functools import lru_cache

from farmlokal.caching.entry import FORMAT

# One entry; lives until its `stale_until`.
ENTRY = f"farmlokal:{FORMAT}:entry:{{}}"
# Who loads a key; the holder's fencing token. Lives LEASE_MS, renewed while the load goes on.
LEASE = f"farmlokal:{FORMAT}:lease:{{}}"
# That somebody waits for a leased load to end: without it the end of a load is announced to nobody. Lives LEASE_MS.
WANTED = f"farmlokal:{FORMAT}:wanted:{{}}"
# The channel on which the end of a wanted load is announced, by its cache key.
LANDED = f"farmlokal:{FORMAT}:landed"

# What a process is asked for most, `[[key, [tag, …]], …]`: for processes that start. Lives HOT_MS.
HOT = f"farmlokal:{FORMAT}:hot"

# A tag's generation; a missing one is made by the next load, and deleting it is what invalidates. Lives GENERATION_MS
# and at least as long as any entry that remembers it. Not versioned, like the channel of the notices: two releases
# that share one Redis must hear of each other's writes.
GENERATION = "farmlokal:generation:{}"
# The channel of the notices: `{"from": sender, "tags": [tag, …]}`.
NOTICES = "farmlokal:notices"

GENERATION_MS = 3_600_000
# Longer than any pause between two processes' lives that leaves the entries themselves alive.
HOT_MS = 3_600_000


def entry_key(key: str) -> str:
    """Return the Redis key of the entry of the cache key `key`."""
    return ENTRY.format(key)


def lease_keys(key: str) -> list[str]:
    """Return the Redis keys of the lease on the cache key `key`, of its waiters' mark, and of the entry."""
    return [LEASE.format(key), WANTED.format(key), ENTRY.format(key)]


# Most pages have the tags of many others. Making three keys takes 1.4 µs, a tenth of a batched read; finding them 0.1.
@lru_cache(4096)
def generation_keys(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Redis keys of the generations of `tags`."""
    return tuple([GENERATION.format(tag) for tag in tags])
