"""Refreshes begin one after the other, leave room to loads that somebody waits for, and are never left out."""

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import pytest

from farmlokal.caching import read_through
from farmlokal.caching.lookup import Outcome
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.refresh_turns import EVERY_S, CoreLeft, RefreshTurns
from farmlokal.caching.tag_history import EVERYTHING
from tests.support.cache import TTL_S, Origin, asked, cache_with
from tests.support.clock import StillClock
from tests.support.waiting import settle, until

PAGES = 50
KEYS = [f"page {number}" for number in range(PAGES)]
FIRST, SECOND = KEYS[:2]
ASKER: ContextVar[str] = ContextVar("asker")


class Stale(NamedTuple):
    """A cache of pages that have just turned stale, the origin of all of them, and the clock of its refreshes."""

    cache: ReadThrough
    origin: Origin
    clock: StillClock

    async def outcomes(self, *keys: str) -> list[Outcome]:
        """What those get who ask for the pages, one after the other."""
        return [(await asked(self.cache, key, self.origin)).outcome for key in keys]

    def refreshes(self) -> tuple[int, int]:
        """How many loads are under way, and how many refreshes wait for their turn."""
        shown = repr(self.cache)
        in_flight, waiting = (shown.partition(word)[2].partition(">")[0] for word in ("in_flight=", "waiting="))
        return int(in_flight), int(waiting)


async def stale_pages(monkeypatch: pytest.MonkeyPatch, *, every_s: float = EVERY_S, origin_loads: int = PAGES) -> Stale:
    """Pages whose loads are held up from now on."""
    clock, turns_clock, origin = StillClock(), StillClock(), Origin()
    monkeypatch.setattr(read_through, "RefreshTurns", partial(RefreshTurns, clock=turns_clock))
    cache = cache_with(clock=clock, refresh_every_s=every_s, origin_loads=origin_loads)
    for key in KEYS:
        await asked(cache, key, origin)
    clock.now_s += TTL_S
    origin.gate = asyncio.Event()
    return Stale(cache, origin, turns_clock)


@pytest.mark.parametrize(("every_s", "begun"), [(0.0, PAGES), (EVERY_S, 1)], ids=["at once", "in turns"])
async def test_pages_that_turn_stale_together_are_not_loaded_in_one_turn(
    monkeypatch: pytest.MonkeyPatch, every_s: float, begun: int
) -> None:
    """All of them begin in the turn in which they are asked for, or one; all are loaded again in the end."""
    stale = await stale_pages(monkeypatch, every_s=every_s)
    assert [Outcome.STALE] * PAGES == await stale.outcomes(*KEYS)
    assert (begun, PAGES - begun) == stale.refreshes()
    assert stale.origin.gate is not None
    stale.origin.gate.set()
    while stale.origin.loads < 2 * PAGES:
        loads = stale.origin.loads
        stale.clock.now_s += 10 * EVERY_S  # one with a tenth of the core left
        await until(lambda loads=loads: stale.origin.loads > loads)  # type: ignore[misc]
    await settle()
    assert [Outcome.MEMORY_HIT] * PAGES == await stale.outcomes(*KEYS)
    await stale.cache.close()


async def test_a_page_waits_for_one_turn_however_many_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next turn is another page's, and a page that is being loaded waits for none."""
    stale = await stale_pages(monkeypatch)
    assert [Outcome.STALE] * 5 == await stale.outcomes(FIRST, SECOND, SECOND, FIRST, SECOND)
    assert (1, 1) == stale.refreshes()
    await stale.cache.close()


async def test_who_cannot_be_given_what_is_stale_does_not_wait_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of the process that wrote loads at once, and the turn that comes then loads nothing more."""
    stale = await stale_pages(monkeypatch)
    assert stale.origin.gate is not None
    stale.origin.gate.set()
    await stale.outcomes(FIRST, SECOND)
    assert (1, 1) == stale.refreshes()
    await stale.cache.invalidate([EVERYTHING])
    assert [Outcome.MISS] == await stale.outcomes(SECOND)
    stale.clock.now_s += 10 * EVERY_S
    await until(lambda: stale.refreshes() == (0, 0))
    assert PAGES + 2 == stale.origin.loads
    await stale.cache.close()


async def test_half_of_the_origin_is_left_to_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more than half of its slots taken a refresh waits; a miss does not, and gets what is left."""
    stale = await stale_pages(monkeypatch, origin_loads=4)
    misses = [asyncio.create_task(stale.outcomes(f"new {number}")) for number in range(3)]
    await until(lambda: stale.origin.running == 3)
    assert [Outcome.STALE] == await stale.outcomes(FIRST)
    misses.append(asyncio.create_task(stale.outcomes("newest")))
    await until(lambda: stale.origin.running == 4)
    assert (4, 1) == stale.refreshes()
    assert stale.origin.gate is not None
    stale.origin.gate.set()
    assert [[Outcome.MISS]] * 4 == await asyncio.gather(*misses)
    stale.clock.now_s += EVERY_S
    await until(lambda: stale.origin.loads == PAGES + 5)
    await stale.cache.close()


async def test_a_refresh_that_is_late_begins_without_room() -> None:
    """Where the origin never has a slot to spare, one begins after five seconds all the same, and the others behind."""
    clock, begun = StillClock(), list[str]()
    turns = RefreshTurns(lambda: False, lambda: 0.1, clock=clock)
    for key in (FIRST, SECOND):
        turns.put(key, partial(begun.append, key))
    await settle()
    assert [] == begun
    clock.now_s += 5
    await until(lambda: begun == [FIRST])
    clock.now_s += EVERY_S
    await until(lambda: begun == [FIRST, SECOND])


async def test_the_less_of_the_core_is_left_the_later_the_next_begins() -> None:
    """A quarter of what is left: one in two milliseconds of an idle core, in twenty of one with a tenth left."""
    clock, begun = StillClock(), list[str]()
    turns = RefreshTurns(lambda: True, lambda: 0.1, clock=clock)
    for key in (FIRST, SECOND):
        turns.put(key, partial(begun.append, key))
    assert [FIRST] == begun
    clock.now_s += 9 * EVERY_S
    turns.put("third", partial(begun.append, "third"))
    assert [FIRST] == begun
    clock.now_s += 2 * EVERY_S
    await until(lambda: SECOND in begun)
    assert [FIRST, SECOND] == begun
    turns.close()
    assert "<RefreshTurns waiting=0>" == repr(turns)


async def test_a_turn_is_in_the_context_of_who_asked() -> None:
    """What a refresh logs is under its own request, not under that of the one before it in the queue."""
    clock, seen = StillClock(), list[str]()
    turns = RefreshTurns(lambda: True, lambda: 1.0, clock=clock)
    for key in (FIRST, SECOND):
        ASKER.set(key)
        turns.put(key, lambda: seen.append(ASKER.get()))
    ASKER.set("nobody")
    clock.now_s += EVERY_S
    await until(lambda: len(seen) == 2)
    assert [FIRST, SECOND] == seen


def test_what_is_left_is_measured_over_a_while_and_never_nothing() -> None:
    """The core's share that the thread did not use since the last measurement; at least a tenth."""
    clock, used = StillClock(), StillClock(0.0)
    left = CoreLeft(clock, used)
    shares = [left.share()]
    for passed_s, used_s in ((0.01, 0.01), (0.09, 0.015), (0.1, 0.1), (0.1, 0.0)):
        clock.now_s += passed_s
        used.now_s += used_s
        shares.append(round(left.share(), 6))
    assert [1.0, 1.0, 0.75, 0.1, 1.0] == shares


async def test_the_end_forgets_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that is closed begins no refresh."""
    stale = await stale_pages(monkeypatch)
    assert stale.origin.gate is not None
    stale.origin.gate.set()
    await stale.outcomes(*KEYS)
    await stale.cache.close()
    assert (0, 0) == stale.refreshes()
    assert PAGES + 1 == stale.origin.loads
