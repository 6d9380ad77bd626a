"""What one look that hits costs, in the tier and in what else could stand in its place."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec

from farmlokal.caching.entry import Entry
from farmlokal.caching.memory import MemoryTier, weight_of
from tests.bench.policies import entry_of, key_of

_ENTRIES = 10_000
_LOOKS = 20_000
# The fastest of so many runs: whatever else the machine does can only make one slower.
_RUNS = 25


class _PlainLru:
    """The least recently used leaves first, in the fewest lines."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self._entries = OrderedDict(entries)

    def get(self, key: str) -> Entry | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry


def lookup_times_ns() -> dict[str, float]:
    """Nanoseconds per look, by what was looked into; `cachetools` only where it is installed."""
    entry = entry_of(1)
    plain = {key_of(number): entry for number in range(_ENTRIES)}
    newcomers = _filled(plain, room=2.0)
    settled = _filled(plain, room=1.2)
    # Full, and of all that comes only a tenth has room: those that were asked for reach the main queue.
    for number in range(_ENTRIES, _ENTRIES * 5 // 4):
        settled.put(key_of(number), entry)
    looks: dict[str, Callable[[str], object]] = {
        "`dict.get`": plain.get,
        "`MemoryTier.get`, main queue": settled.get,
        "`MemoryTier.get`, small queue": newcomers.get,
        "`OrderedDict` as LRU": _PlainLru(plain).get,
    }
    if find_spec("cachetools") is not None:
        library = import_module("cachetools").LRUCache(maxsize=_ENTRIES)
        library.update(plain)
        looks["`cachetools.LRUCache.get`"] = library.get
    asked = random.Random(3).choices(list(plain), k=_LOOKS)
    times_ns = {name: _fastest_ns(look, asked) for name, look in looks.items()}
    times_ns["`await` of a coroutine that returns `d[k]`"] = asyncio.run(_fastest_await_ns(plain, asked))
    cold = [f"cold{number:08}" for number in range(_RUNS * _LOOKS)]
    times_ns["`MemoryTier.put` of a new page into a full tier"] = _put_ns(settled, cold, entry)
    return times_ns


def _filled(entries: dict[str, Entry], *, room: float) -> MemoryTier:
    weight = max(weight_of(key, entry) for key, entry in entries.items())
    tier = MemoryTier(int(weight * len(entries) * room))
    for key, entry in entries.items():
        tier.put(key, entry)
    for key in [*entries, *entries]:
        tier.get(key)
    return tier


def _fastest_ns(look: Callable[[str], object], asked: list[str]) -> float:
    def run() -> float:
        started = time.perf_counter_ns()
        for key in asked:
            look(key)
        return time.perf_counter_ns() - started

    return _less_the_loop(min(run() for _ in range(_RUNS)), asked)


async def _fastest_await_ns(entries: dict[str, Entry], asked: list[str]) -> float:
    async def look(key: str) -> Entry:
        return entries[key]

    async def run() -> float:
        started = time.perf_counter_ns()
        for key in asked:
            await look(key)
        return time.perf_counter_ns() - started

    return _less_the_loop(min([await run() for _ in range(_RUNS)]), asked)


def _put_ns(tier: MemoryTier, cold: list[str], entry: Entry) -> float:
    started = time.perf_counter_ns()
    for key in cold:
        tier.put(key, entry)
    return _less_the_loop(time.perf_counter_ns() - started, cold)


def _less_the_loop(total_ns: float, asked: Iterable[str]) -> float:
    started, count = time.perf_counter_ns(), 0
    for count, _ in enumerate(asked, 1):  # noqa: B007 - an empty round, to know what the loop itself costs
        pass
    return (total_ns - (time.perf_counter_ns() - started)) / count
