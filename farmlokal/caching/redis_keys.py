"""Every key that the cache tier writes to Redis, with its lifetime."""

from farmlokal.caching.entry import FORMAT

# One entry; lives until its `stale_until`.
ENTRY = f"farmlokal:{FORMAT}:entry:{{}}"


def entry_key(key: str) -> str:
    """The Redis key of the cache key `key`."""
    return ENTRY.format(key)
