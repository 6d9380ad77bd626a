"""An invalidation between a question to Redis by callback and its answer, without the guard and with it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from farmlokal.caching.decision import Found
from farmlokal.caching.loading import Loading
from farmlokal.caching.lookup import Accepts, Lookup, Outcome, Question
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import SecondTier, Snapshot
from tests.caching.stepping import Database, Schedule
from tests.support.cache import Process, asked, deliver, miss_notices, process
from tests.support.clock import StillClock
from tests.support.redis_names import KEYS
from tests.support.waiting import until

TAGS = ("listing",)


class LateTier(RedisTier):
    """The real tier; whoever asks by callback is told what Redis said when the test says so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.late: list[Callable[[], object]] = []

    def read_then(self, key: str, tags: tuple[str, ...], then: Callable[[Snapshot | None], object]) -> None:
        """Ask Redis now, and leave the call of `then` to the test."""
        super().read_then(key, tags, lambda snapshot: self.late.append(partial(then, snapshot)))

    async def asked(self) -> None:
        """Return once Redis has answered."""
        await until(lambda: self.late != [])


def unguarded(
    self: Loading, second: SecondTier, question: Question, accepts: Accepts, then: Callable[[Found | None], object]
) -> None:
    """`Loading.look_then` with the epoch of the answer in place of that of the question."""
    second.read_then(
        question.key,
        question.tags,
        lambda snapshot: then(self._found(question, snapshot, self._history.moment(), accepts)),
    )


async def raced(url: str, write: Callable[[Process, Process], Any]) -> tuple[Lookup | None, Lookup]:
    """What a reader is told of a row that changes before the answer gets to it, and what the next one gets.

    write: given the reader and another process, makes the change known.
    """
    clock, database = StillClock(), Database(Schedule())
    async with process(url, clock, tier_type=LateTier) as reader, process(url, clock) as other:
        await asked(other.cache, "page", database.load, tags=TAGS)
        await other.cache.settle()
        heard: list[Lookup | None] = []
        question = reader.cache.question("page", database.load, TAGS)
        assert reader.cache.ask_then(question, heard.append)
        assert isinstance(reader.tier, LateTier)
        await reader.tier.asked()
        database.row = b"new"
        clock.now_s += 0.001
        await write(reader, other)
        reader.tier.late[0]()
        (first,) = heard
        return first, await reader.cache.ask(question)


async def notice(reader: Process, other: Process) -> None:
    """Another process writes, and its notice arrives."""
    await deliver(other, [reader], TAGS)


async def own_write(reader: Process, _: Process) -> None:
    """The snapshot process writes by itself."""
    await reader.cache.invalidate(TAGS)


async def missed(reader: Process, other: Process) -> None:
    """Another process writes, and its notice is lost with the connection."""
    await other.tier.redis.delete(*KEYS.generations(TAGS))
    await miss_notices(reader)


async def test_without_the_guard_the_old_value_is_told_as_fresh(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks at his epoch when the answer comes takes it for newer than the notice: and keeps it so."""
    monkeypatch.setattr(Loading, "look_then", unguarded)
    first, then = await raced(redis_url, notice)
    assert first is not None
    assert (True, b"old") == (first.fresh, first.value.body)
    assert (True, b"old", Outcome.MEMORY_HIT) == (then.fresh, then.value.body, then.outcome)


async def test_with_the_guard_it_is_told_as_stale(redis_url: str) -> None:
    """What Redis said before the notice came is older than the notice, whenever it arrives."""
    first, then = await raced(redis_url, notice)
    assert first is not None
    assert (Outcome.STALE, False, b"old") == (first.outcome, first.fresh, first.value.body)
    assert b"new" == then.value.body or not then.fresh


async def test_after_a_write_of_its_own_it_is_not_told_at_all(redis_url: str) -> None:
    """The readers of the process that wrote see the new value at once: they have to load it."""
    first, then = await raced(redis_url, own_write)
    assert first is None
    assert b"new" == then.value.body


async def test_what_was_missed_meanwhile_is_asked_again(redis_url: str) -> None:
    """An answer that came while notices were lost may be given; what is kept of it is not called fresh unasked."""
    first, then = await raced(redis_url, missed)
    assert first is not None
    assert (Outcome.REDIS_HIT, b"old") == (first.outcome, first.value.body)
    assert not (then.fresh and then.value.body == b"old")
