"""What the cache keeps: a value and its times; and how that is written in Redis."""

import zlib
from dataclasses import dataclass, field

import orjson

from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.caching.value import Value

# Written in front of every entry and into every key: releases with different formats can share one Redis.
FORMAT = 3

# Deflating pays for big bodies alone. Measured on pages of a listing: 7 KB inflate in 14 µs, more than the whole of a
# batched read (about 10 µs) and than 7 KB take on any network above 1 Gbit/s; 35 KB inflate in 40 µs and take a
# twelfth of the memory in Redis, and of the 280 µs on a 1 Gbit/s network.
COMPRESS_FROM_BYTES = 16_384
_ZLIB_LEVEL = 1
_PLAIN, _ZLIB = 0, 1
# What the layer above keeps ready beside a value takes so much for each thing, measured on CPython 3.11.
_PREPARED_BYTES = 2048


@dataclass(slots=True)
class Entry:
    """A value and its times, all in seconds of the wall clock, which processes share.

    Fresh until `fresh_until` (soft expiry), then stale until `stale_until` (hard expiry), both counted from
    `loaded_at`, when the load began. generations: those of `tags`, in their order, read before the load; empty where
    Redis could not say. They are checked against Redis; `epoch` is checked against what this process has heard.
    """

    value: Value
    loaded_at: float
    fresh_until: float
    stale_until: float
    generations: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=(), compare=False)
    # The epoch (see tag_history) at which the entry was last known to be current; -1 for never.
    epoch: int = field(default=-1, compare=False)
    # When this process last knew that the entry is current, wall seconds: its load began here, or Redis was asked and
    # said so.
    known_at: float = field(default=0.0, compare=False)
    # The answer of a memory hit, made by the first one, and until when it may be given without a decision; 0 before.
    hit: Lookup | None = field(default=None, compare=False, repr=False)
    hit_valid_until: float = field(default=0.0, compare=False)
    # In the last part of the fresh time: their number tells a hot key.
    hits_near_expiry: int = field(default=0, compare=False)
    # After a failed refresh, when the next may be tried; 0 while none has failed.
    retry_at: float = field(default=0.0, compare=False)

    @property
    def bytes_held(self) -> int:
        """What the entry weighs in memory, in bytes: its body in every coding, and about what the objects take."""
        value = self.value
        return len(value.body) + sum(map(len, value.variants.values())) + 1000 + _PREPARED_BYTES * len(value.prepared)

    def lookup(self, outcome: Outcome) -> Lookup:
        """Return the entry as an answer. A hit on a negative value is a negative hit, wherever it was kept."""
        if self.value.negative and outcome not in (Outcome.STALE, Outcome.STALE_ERROR):
            outcome = Outcome.NEGATIVE_HIT
        return Lookup(self.value, self.loaded_at, self.fresh_until, outcome)

    def encoded(self) -> bytes:
        """Return the entry for Redis: one line of JSON, then the body, deflated where that pays."""
        value = self.value
        body, coding = value.body, _PLAIN
        if len(body) >= COMPRESS_FROM_BYTES:
            body, coding = zlib.compress(body, _ZLIB_LEVEL), _ZLIB
        times = (self.loaded_at, self.fresh_until, self.stale_until)
        head = [FORMAT, *times, value.etag, value.attributes, self.generations, value.negative, coding]
        return orjson.dumps(head) + b"\n" + body


def decoded(raw: bytes) -> Entry | None:
    """Return the entry that `raw` holds; None for what no release of ours wrote, or a release of another format."""
    head, newline, body = raw.partition(b"\n")
    try:
        entry_format, loaded_at, fresh_until, stale_until, etag, attributes, generations, negative, coding = (
            orjson.loads(head)
        )
        if entry_format != FORMAT or not newline:
            return None
        if coding == _ZLIB:
            body = zlib.decompress(body)
        value = Value(body, tuple([(str(name), str(text)) for name, text in attributes]), str(etag), bool(negative))
        return Entry(value, float(loaded_at), float(fresh_until), float(stale_until), tuple(map(str, generations)))
    except (ValueError, TypeError, zlib.error):
        return None
