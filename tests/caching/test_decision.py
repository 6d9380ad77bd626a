"""The decisions about what is served, each held against its table, and the table against the documentation."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from farmlokal.caching import decision
from farmlokal.caching.decision import (
    EARLY_SHARE,
    HOT_HITS,
    UNCONFIRMED,
    Decision,
    hits_simple_until,
    in_place_of_error,
    may_be_given,
    may_be_shared,
    of_memory,
    of_snapshot,
)
from farmlokal.caching.entry import Entry
from farmlokal.caching.lookup import FRESH, FRESH_OR_STALE, Accepts, Outcome
from farmlokal.caching.tag_history import Standing
from farmlokal.caching.value import Value

ROOT = Path(__file__).parents[2]
LOADED_AT, FRESH_S, STALE_S = 1000.0, 30.0, 300.0
FRESH_UNTIL, STALE_UNTIL = LOADED_AT + FRESH_S, LOADED_AT + FRESH_S + STALE_S
NEAR_EXPIRY_FROM = LOADED_AT + EARLY_SHARE * FRESH_S
# Of each part of an entry's life the first moment, and one before.
MOMENTS = (
    LOADED_AT,
    NEAR_EXPIRY_FROM - 1,
    NEAR_EXPIRY_FROM,
    FRESH_UNTIL - 1,
    FRESH_UNTIL,
    STALE_UNTIL - 1,
    STALE_UNTIL,
)
ASKED_AT = 7
NOT_OLD = (Standing.VALID, Standing.UNKNOWN)


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every table in `text`, without the line below its head."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in block.splitlines()]
        found.append([lines[0], *lines[2:]])
    return found


MEMORY, SNAPSHOT, LOAD = tables(decision.__doc__ or "")


def entry(*, negative: bool = False, loaded_at: float = LOADED_AT, epoch: int = 0) -> Entry:
    """An entry that was loaded then, and nobody has asked for."""
    fresh_until = loaded_at + FRESH_S
    stale_s = 0.0 if negative else STALE_S
    return Entry(Value(b"", negative=negative), loaded_at, fresh_until, fresh_until + stale_s, epoch=epoch)


def first_line(table: list[list[str]], fits: dict[str, Callable[[], bool]]) -> list[str]:
    """The first line of `table` that fits. fits: by the first cell of each line, whether it does."""
    assert [line[0] for line in table[1:]] == list(fits)
    return next(line for line in table[1:] if fits[line[0]]())


def test_the_documentation_has_the_same_tables() -> None:
    """What docs/cache.md says of what is served is what the code says."""
    section = (ROOT / "docs" / "cache.md").read_text().partition("### What is served")[2].partition("\n### ")[0]
    assert [MEMORY, SNAPSHOT, LOAD] == tables(section)


@dataclass
class InMemory:
    """One situation of a look at memory."""

    entry: Entry
    standing: Standing
    now: float
    away: bool

    def line(self) -> list[str]:
        """The line of the table that decides."""
        one, now = self.entry, self.now
        negative = one.value.negative
        current = one.fresh_until > now and self.standing is Standing.VALID
        # Once the refresh was started hits are simple again.
        near = current and not negative and now >= NEAR_EXPIRY_FROM and one.hits_near_expiry < HOT_HITS
        own_write = self.standing is Standing.OWN_WRITE
        unknown = one.fresh_until > now and self.standing is Standing.UNKNOWN
        return first_line(
            MEMORY,
            {
                "nothing, or an entry past its stale time": lambda: one.stale_until <= now,
                "one that is current, at its third hit in the last fifth of its fresh time": lambda: (
                    near and one.hits_near_expiry == HOT_HITS - 1
                ),
                "one that is current, at its first or second hit in that fifth": lambda: near,
                "any other that is fresh and current": lambda: current,
                "one that is fresh, not negative, and notices may have been missed while Redis is away": lambda: (
                    unknown and not negative and self.away
                ),
                "any other that is fresh, but notices may have been missed": lambda: unknown,
                "any other that is negative": lambda: negative,
                "one older than a write of this process, unless its refresh failed just now": lambda: (
                    own_write and one.retry_at <= now
                ),
                "any other whose last refresh failed": lambda: one.retry_at > 0,
                "any other: its time is over, or another process invalidated it": lambda: True,
            },
        )


def in_memory() -> Iterator[InMemory]:
    """Every situation of a look at memory."""
    for now, standing, negative, away in product(MOMENTS, Standing, (False, True), (False, True)):
        for hits, retry_after_s in product(range(HOT_HITS + 1), (None, -1, 0, 1)):
            one = entry(negative=negative)
            one.retry_at = 0.0 if retry_after_s is None else now + retry_after_s
            if hits:
                one.hits_near_expiry = hits
                one.hit_valid_until = hits_simple_until(one)
            yield InMemory(one, standing, now, away)


def test_a_look_at_memory_goes_by_its_table() -> None:
    """In every situation the decision is that of the first line that fits, and every line is needed."""
    used = set()
    for situation in in_memory():
        what, name, *_ = situation.line()
        decided = of_memory(situation.entry, situation.standing, situation.now, away=situation.away)
        assert Decision[name.strip("`")] is decided, situation
        used.add(what)
    assert {line[0] for line in MEMORY[1:]} == used


def test_a_look_at_memory_changes_nothing() -> None:
    """The same question to the same entry has the same answer, and leaves the entry as it was."""
    for situation in in_memory():
        before = replace(situation.entry)
        of_memory(situation.entry, situation.standing, situation.now, away=situation.away)
        for name in Entry.__slots__:
            assert getattr(before, name) == getattr(situation.entry, name)


Kept = tuple[Entry, Standing] | None


def entries(negatives: tuple[bool, ...] = (False, True)) -> Iterator[Kept]:
    """Every entry that memory or Redis may have: none, older or newer, confirmed or not, of any standing."""
    yield None
    for loaded_at, epoch, negative in product((LOADED_AT, LOADED_AT + 10), (ASKED_AT - 1, ASKED_AT), negatives):
        for standing in Standing:
            yield entry(negative=negative, loaded_at=loaded_at, epoch=epoch), standing


def snapshot_line(held: Kept, kept: Kept, now: float, *, answered: bool) -> list[str]:
    """The line of the table that decides. answered: whether Redis said anything."""

    def usable(one: Kept) -> bool:
        return one is not None and one[0].fresh_until > now and one[1] in NOT_OLD

    def current(one: Kept) -> bool:
        return usable(one) and one is not None and one[0].epoch >= ASKED_AT

    return first_line(
        SNAPSHOT,
        {
            "an entry, memory's or Redis's, is fresh, and was current when Redis was asked": lambda: (
                answered and (current(held) or current(kept))
            ),
            "Redis said nothing in time; memory's entry is fresh and current": lambda: (
                not answered and usable(held) and held is not None and held[1] is Standing.VALID
            ),
            "Redis said nothing in time; it is fresh, not negative, and notices may have been missed": lambda: (
                not answered and usable(held) and held is not None and not held[0].value.negative
            ),
            "Redis has none, or one that is negative or past its stale time": lambda: (
                kept is None or kept[0].value.negative or kept[0].stale_until <= now
            ),
            "Redis has one older than a write of this process": lambda: (
                kept is not None and kept[1] is Standing.OWN_WRITE
            ),
            "Redis has any other": lambda: True,
        },
    )


@pytest.mark.parametrize("now", [FRESH_UNTIL - 1, FRESH_UNTIL, FRESH_UNTIL + 10, STALE_UNTIL, STALE_UNTIL + 10])
def test_what_redis_says_is_served_by_its_table(now: float) -> None:
    """Whatever memory and Redis have, the answer is that of the first line that fits; of two hits the newer one."""
    expected: dict[str, set[Outcome | None]] = {
        "a hit": {Outcome.MEMORY_HIT, Outcome.REDIS_HIT, Outcome.NEGATIVE_HIT},
        "a memory hit": {Outcome.MEMORY_HIT, Outcome.NEGATIVE_HIT},
        "nothing yet": {None},
        "it, as stale": {Outcome.STALE},
    }
    for answered in (True, False):
        for held, kept in product(entries(), entries() if answered else [None]):
            standings = {id(one[0]): one[1] for one in (held, kept) if one is not None}
            found = of_snapshot(
                held and held[0],
                kept and kept[0],
                lambda one, standings=standings: standings[id(one)],  # type: ignore[misc]
                confirmed_from=ASKED_AT if answered else UNCONFIRMED,
                now=now,
                accepts=FRESH_OR_STALE,
            )
            gets = snapshot_line(held, kept, now, answered=answered)[1]
            assert (found and found.lookup.outcome) in expected[gets], (held, kept, answered)
            if found is not None and gets == "a hit":
                usable = [one[0] for one in (held, kept) if one and one[0].fresh_until > now and one[1] in NOT_OLD]
                newest = max(one.loaded_at for one in usable if one.epoch >= ASKED_AT)
                assert newest == found.entry.loaded_at


def test_every_line_about_redis_is_needed() -> None:
    """No line of the table is without a situation of its own."""
    used = {
        snapshot_line(held, kept, now, answered=answered)[0]
        for now in (FRESH_UNTIL - 1, STALE_UNTIL - 1)
        for answered in (True, False)
        for held, kept in product(entries(), entries() if answered else [None])
    }
    assert {line[0] for line in SNAPSHOT[1:]} == used


def found_by(accepts: Accepts, held: Entry | None, kept: Entry | None, now: float) -> Entry | None:
    """What a question that accepts so much gets, where nothing was invalidated."""
    found = of_snapshot(held, kept, lambda _: Standing.VALID, confirmed_from=ASKED_AT, now=now, accepts=accepts)
    return found and found.entry


def test_a_refresh_takes_nothing_stale_and_nothing_as_old() -> None:
    """What it is to replace, and what is not fresh, is as good as nothing; another process's newer entry will do."""
    old, new = entry(epoch=ASKED_AT), entry(loaded_at=LOADED_AT + 10, epoch=ASKED_AT)
    accepts = Accepts(loaded_after=old.loaded_at)
    assert found_by(accepts, old, replace(old), LOADED_AT + 20) is None
    assert new is found_by(accepts, old, new, LOADED_AT + 20)
    assert old is found_by(FRESH_OR_STALE, None, old, FRESH_UNTIL)
    assert found_by(FRESH, None, old, FRESH_UNTIL) is None


def test_of_two_copies_memory_s_is_given() -> None:
    """It has what is kept ready beside it; and one that another caller of the same answer put there is Redis's."""
    held = entry(epoch=ASKED_AT)
    assert held is found_by(FRESH_OR_STALE, held, replace(held), LOADED_AT)
    found = of_snapshot(held, held, lambda _: Standing.VALID, confirmed_from=0, now=LOADED_AT, accepts=FRESH_OR_STALE)
    assert found is not None
    assert Outcome.REDIS_HIT is found.lookup.outcome


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("outcome", [Outcome.MISS, Outcome.REDIS_HIT, Outcome.STALE])
def test_what_was_invalidated_on_the_way_is_not_given_as_fresh(outcome: Outcome, standing: Standing) -> None:
    """Only an answer that is called stale anyhow, or whose entry is not known to be old; that goes to Redis, too."""
    assert (outcome is Outcome.STALE or standing in NOT_OLD) == may_be_given(outcome, standing)
    assert (standing in NOT_OLD) == may_be_shared(standing)


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("now", MOMENTS)
def test_an_entry_in_place_of_an_error(now: float, negative: bool) -> None:
    """Whatever is kept and in its stale time, invalidated or not; never that there is no such thing."""
    lookup = in_place_of_error(entry(negative=negative), now)
    expected = Outcome.STALE_ERROR if now < STALE_UNTIL and not negative else None
    assert expected == (lookup and lookup.outcome)
    assert in_place_of_error(None, now) is None
