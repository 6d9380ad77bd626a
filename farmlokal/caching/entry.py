"""What the cache keeps, and how it looks in Redis."""

from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

# Written in front of every entry and into every key: releases with different formats can share one Redis.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Value:
    """A finished response: its bytes, a few named strings that belong to them, and a strong validator.

    etag: quoted, as RFC 9110 section 8.8.3 writes it.
    """

    body: bytes
    attributes: tuple[tuple[str, str], ...] = ()
    etag: str = field(default="")

    def __post_init__(self) -> None:
        if not self.etag:
            object.__setattr__(self, "etag", f'"{blake2b(self.body, digest_size=16).hexdigest()}"')


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and its times, all in seconds of the wall clock, which processes share.

    Fresh until `fresh_until` (soft expiry), then stale until `stale_until` (hard expiry).
    """

    value: Value
    loaded_at: float
    fresh_until: float
    stale_until: float

    @property
    def bytes_held(self) -> int:
        """What the entry weighs in memory: its body, and about what the objects around it take."""
        return len(self.value.body) + 600

    def encoded(self) -> bytes:
        """The entry for Redis: one line of JSON, then the body as it is."""
        head = [FORMAT, self.loaded_at, self.fresh_until, self.stale_until, self.value.etag, self.value.attributes]
        return orjson.dumps(head) + b"\n" + self.value.body


def decoded(raw: bytes) -> Entry | None:
    """The entry that `raw` holds; None for what no release of ours wrote, or a release of another format."""
    head, newline, body = raw.partition(b"\n")
    try:
        entry_format, loaded_at, fresh_until, stale_until, etag, attributes = orjson.loads(head)
        if entry_format != FORMAT or not newline:
            return None
        value = Value(body, tuple((str(name), str(text)) for name, text in attributes), str(etag))
        return Entry(value, float(loaded_at), float(fresh_until), float(stale_until))
    except (ValueError, TypeError):
        return None
