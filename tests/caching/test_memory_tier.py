"""The first tier: bounded by bytes; what is asked for stays, and what nobody asks for makes room."""

import tracemalloc
from collections import OrderedDict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from farmlokal.caching.entry import Entry, decoded
from farmlokal.caching.memory import MemoryTier, weight_of
from farmlokal.caching.value import Value

KEYS = "abcdefghijklmnopqrstuvwxyz"
BYTES_MAX = 100_000


def entry(size: int) -> Entry:
    """An entry whose body has `size` bytes."""
    return Entry(Value(bytes(size)), loaded_at=0, fresh_until=10, stale_until=20)


class PlainLru:
    """What most caches do, to show what it would lose: the least recently used leaves first."""

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def get(self, key: str) -> Entry | None:
        """The entry of `key`, which is the most recently used from now on."""
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: str, entry: Entry) -> None:
        """Keep `entry`."""
        self._entries[key] = entry
        if len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)


def kept(tier: MemoryTier | PlainLru, keys: list[str]) -> list[str]:
    """Those of `keys` that the tier still has."""
    return [key for key in keys if tier.get(key) is not None]


def test_what_was_put_is_there_until_it_is_dropped() -> None:
    """A tier gives back the entry itself, whatever its age; a key that is unknown gives nothing."""
    tier = MemoryTier(BYTES_MAX)
    put = entry(10)
    tier.put("key", put)
    assert put is tier.get("key")
    assert tier.get("other") is None
    tier.drop("key")
    tier.drop("key")
    assert (None, 0, 0) == (tier.get("key"), len(tier), tier.bytes_held)


def test_what_is_asked_for_outlives_a_scan() -> None:
    """Popular entries are still there after a crawler asked once for ten times what the tier can hold."""
    tier = MemoryTier(BYTES_MAX)
    popular = [f"popular {number}" for number in range(10)]
    for key in popular:
        tier.put(key, entry(100))
    for _ in range(3):
        assert popular == kept(tier, popular)
    for number in range(1000):
        tier.put(f"scanned {number}", entry(100))
    assert popular == kept(tier, popular)
    assert len(tier) < 200


@pytest.mark.parametrize("visits", [1, 2])
def test_a_crawler_on_100_000_cold_pages_evicts_nothing_hot(visits: int) -> None:
    """Hot pages that take 80 % of the room are all there after the crawl; of them plain LRU keeps none."""
    shared = entry(100)
    hot = [f"hot  {number:06}" for number in range(800)]
    crawl = [f"cold {number:06}" for number in range(100_000) for _ in range(visits)]
    caches = (MemoryTier(1000 * weight_of(hot[0], shared)), PlainLru(entries_max=1000))
    for cache in caches:
        for key in [*hot, *hot, *hot, *crawl]:
            if cache.get(key) is None:
                cache.put(key, shared)
    assert [hot, []] == [kept(cache, hot) for cache in caches]


def test_a_further_look_of_one_request_is_no_use() -> None:
    """A page that was asked for once after its load does not stay, however often that one request looked."""
    tier = MemoryTier(20 * weight_of("000", entry(100)))
    for key, uses in (("000", 1), ("001", 2)):
        put = entry(100)
        tier.put(key, put)
        for _ in range(uses):
            assert put is tier.get(key)
            assert (put, put) == (tier.peek(key), tier.peek(key))
    for number in range(100, 200):
        tier.put(f"{number}", entry(100))
    assert (None, True) == (tier.peek("000"), tier.peek("001") is not None)


def test_what_comes_back_soon_after_leaving_stays() -> None:
    """A page that left unused and is put again enters the main queue, where a scan does not reach it."""
    tier = MemoryTier(20 * weight_of("00", entry(100)))
    for number in range(30):
        tier.put(f"{number:02}", entry(100))
    assert repr(tier).endswith("small=20 main=0 ghosts=10>")
    tier.put("09", entry(100))
    assert repr(tier).endswith("small=19 main=1 ghosts=10>")
    for number in range(100, 1000):
        tier.put(f"{number}", entry(100))
    assert ["09"] == kept(tier, ["08", "09", "10"])


def test_what_was_hot_once_leaves_when_others_are() -> None:
    """Entries of the main queue leave after a round for each use that they had, and make room for the new hot ones."""
    tier = MemoryTier(20 * weight_of("old 00", entry(100)))
    for age in ("old", "new"):
        keys = [f"{age} {number:02}" for number in range(16)]
        for turn in range(40):
            for key in [*keys, f"{age} other {turn}"]:
                if tier.get(key) is None:
                    tier.put(key, entry(100))
        assert keys == kept(tier, keys)


def test_an_invalidated_entry_does_not_lose_its_place() -> None:
    """Dropped from the main queue and put again, an entry is in the main queue again; dropped from the small, not."""
    tier = MemoryTier(20 * weight_of("00", entry(100)))
    for number in (*range(30), 9):
        tier.put(f"{number:02}", entry(100))
    for key, after in (("09", "small=19 main=1"), ("20", "small=19 main=1")):
        tier.drop(key)
        tier.put(key, entry(100))
        assert f" {after} " in repr(tier)


def test_what_is_set_aside_takes_the_room_of_entries() -> None:
    """Entries leave for it, down to three quarters of the tier, and come back when it is gone."""
    weight = weight_of("00", entry(100))
    tier = MemoryTier(20 * weight)
    counts = []
    for first, grown_bytes in enumerate((2 * weight, 3 * weight, 10 * weight, -15 * weight)):
        tier.set_aside(grown_bytes)
        for number in range(23):
            tier.put(f"{23 * first + number:02}", entry(100))
        counts.append((len(tier), tier.bytes_taken // weight))
    assert [(18, 20), (15, 20), (15, 30), (20, 20)] == counts


def test_room_for_what_is_set_aside_is_made_at_once() -> None:
    """Not when the next entry comes: a full tier takes no more than before."""
    weight = weight_of("00", entry(100))
    tier = MemoryTier(20 * weight)
    for number in range(20):
        tier.put(f"{number:02}", entry(100))
    tier.set_aside(2 * weight)
    assert (18, 20 * weight) == (len(tier), tier.bytes_taken)


def test_clearing_forgets_everything() -> None:
    """After a purge nothing is held, and nothing of what had left is remembered."""
    weight = weight_of("00", entry(100))
    tier = MemoryTier(20 * weight)
    for number in range(30):
        tier.put(f"{number:02}", entry(100))
    tier.clear()
    assert f"<MemoryTier entries=0 bytes=0/{20 * weight} small_bytes=0 small=0 main=0 ghosts=0>" == repr(tier)


def test_the_weight_covers_what_the_tier_itself_takes() -> None:
    """Where entries cost nothing more, the memory taken for keys, queues and ghosts stays within the weights."""
    shared = entry(0)
    own = weight_of("", shared) - shared.bytes_held
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tier = MemoryTier(5000 * weight_of("key 00000", shared))
        for number in range(20_000):
            tier.put(f"key {number:05}", shared)
            tier.get(f"key {number // 2:05}")
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 4999 <= len(tier)
    assert taken <= len(tier) * (own + len("key 00000"))
    assert taken >= len(tier) * own / 2


def page(number: int) -> Entry:
    """An entry as one page of the listing makes it: from Redis, with two cursors, and asked for in a coding."""
    cursors = tuple((name, f"{name}{number:090}") for name in ("next", "prev"))
    tags = (f"category/{number:05}", "everything")
    body = f"{number:07300}".encode()
    loaded = Entry(Value(body, cursors), 1.5 + number, 2.5 + number, 3.5 + number, tuple(f"{tag:>20}" for tag in tags))
    kept = decoded(loaded.encoded())
    assert kept is not None
    kept.tags = tags
    kept.value.variants["gzip"] = body[:2000]
    return kept


def test_a_page_weighs_what_it_takes() -> None:
    """All that is kept of a page in the tier takes the counted bytes, within a twentieth: 64 MiB of them are 64 MiB."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tier = MemoryTier(100 * BYTES_MAX)
        for number in range(500):
            tier.put(f"products?category={number:070}", page(number))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 500 == len(tier)
    assert 0.95 * taken <= tier.bytes_held <= 1.05 * taken


def test_what_nobody_asks_for_leaves_in_the_order_of_arrival() -> None:
    """Where nothing is ever asked for twice, the newest entries are the ones that are left."""
    tier = MemoryTier(BYTES_MAX)
    keys = [str(number) for number in range(500)]
    for key in keys:
        tier.put(key, entry(500))
    size = len(tier)
    assert 20 < size < 100
    assert keys[-size:] == kept(tier, keys)


def test_room_is_counted_in_bytes() -> None:
    """One large entry takes the room of several small ones; a long key takes room as well."""
    for size, key in ((BYTES_MAX // 10, ""), (10, "k" * (BYTES_MAX // 10))):
        tier = MemoryTier(BYTES_MAX)
        for number in range(500):
            tier.put(str(number), entry(10))
        before = len(tier)
        tier.put(key, entry(size))
        assert tier.get(key) is not None
        assert len(tier) < before - 3


def test_a_giant_is_not_kept_and_empties_nothing() -> None:
    """An entry of more than an eighth of the tier is refused; so that no old value stays, its key is forgotten."""
    tier = MemoryTier(BYTES_MAX)
    tier.put("small", entry(100))
    tier.put("giant", entry(100))
    tier.put("giant", entry(BYTES_MAX // 8))
    assert ["small"] == kept(tier, ["giant", "small"])
    largest = entry(BYTES_MAX // 8 - weight_of("largest", entry(0)))
    assert BYTES_MAX // 8 == weight_of("largest", largest)
    tier.put("largest", largest)
    assert ["largest", "small"] == kept(tier, ["largest", "small"])


def test_a_replaced_entry_gives_its_room_back() -> None:
    """Writing one key again and again takes the room of one entry."""
    tier = MemoryTier(BYTES_MAX)
    for size in (5000, 10, 700):
        tier.put("key", entry(size))
    assert (1, weight_of("key", entry(700))) == (len(tier), tier.bytes_held)
    held = f"entries=1 bytes={tier.bytes_held}/{BYTES_MAX} small_bytes={tier.bytes_held} small=1 main=0 ghosts=0"
    assert f"<MemoryTier {held}>" == repr(tier)


def ghosts(tier: MemoryTier) -> int:
    """How many entries that left the tier remembers."""
    return int(repr(tier).rpartition("ghosts=")[2].rstrip(">"))


# Sizes and shares that let a tier of a dozen entries overflow again and again; now and then one is too heavy for it.
sizes = st.sampled_from([*range(0, 300, 20), BYTES_MAX])
kinds = st.sampled_from(["put"] * 12 + ["get"] * 6 + ["drop"] * 3 + ["clear"])
steps = st.tuples(kinds, st.sampled_from(KEYS), sizes)


# Two entries leave for one that weighs as much, while as many are remembered as there are.
TWO_FOR_ONE = [
    *[("put", key, 80 if key == "c" else 0) for key in "aaaaaaabcdefghknopqu"],
    *[("get", "c", 0)] * 2,
    *[
        ("put", key, size)
        for key, size in zip("abdefghijkl", [0, 160, 280, 260, 0, 280, 0, 0, 0, 200, 20], strict=True)
    ],
    *[("put", key, size) for key, size in zip("mnrstva", [0, 100, 0, 0, 0, 0, 160], strict=True)],
]


@example(13, TWO_FOR_ONE)
@settings(max_examples=150)
@given(st.one_of(st.integers(0, 9), st.integers(10, 14)), st.lists(steps, min_size=40, max_size=150))
def test_the_bound_holds_after_every_step(light_entries: int, taken: list[tuple[str, str, int]]) -> None:
    """Whatever is done, the tier holds no more than it may, counts it rightly, and never gives an older entry."""
    bytes_max = light_entries * weight_of("a", entry(0))
    tier = MemoryTier(bytes_max)
    newest: dict[str, Entry] = {}
    for step, key, size in taken:
        if step == "put":
            newest[key] = entry(size)
            tier.put(key, newest[key])
        elif step == "get":
            tier.get(key)
        elif step == "clear":
            newest.clear()
            tier.clear()
        else:
            newest.pop(key, None)
            tier.drop(key)
        assert tier.bytes_held <= bytes_max
        assert ghosts(tier) <= len(tier)
    present = {key: found for key in KEYS if (found := tier.get(key)) is not None}
    assert sum(weight_of(key, found) for key, found in present.items()) == tier.bytes_held
    assert len(present) == len(tier)
    assert all(found is newest[key] for key, found in present.items())
    for key in present:
        tier.drop(key)
    assert f"<MemoryTier entries=0 bytes=0/{bytes_max} small_bytes=0 small=0 main=0 ghosts=0>" == repr(tier)
