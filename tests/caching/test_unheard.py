"""A process that alone is cut off from Redis goes on writing: the others hear of it through the database."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from farmlokal.caching.counts import CacheCounts
from farmlokal.caching.invalidation import InvalidationSender
from farmlokal.caching.second_tier import NOTHING_KNOWN, Doubt
from farmlokal.caching.tag_history import EVERYTHING, TagHistory
from farmlokal.caching.unheard import _ROWS_MAX, _TAGS_MAX, Deliveries
from farmlokal.database.interface import Database
from farmlokal.database.unheard_tags import UnheardTags
from farmlokal.errors import DatabaseUnavailable
from farmlokal.resilience.commit_positions import Committed
from tests.caching.hanging import HangingTier
from tests.support.cache import Origin, Process, asked, process, until_heard
from tests.support.clock import StillClock
from tests.support.own_servers import StartRedis
from tests.support.service import open_database, sqlite_url
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import eventually

TAGS = frozenset({"products"})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """What the processes share besides Redis."""
    async with open_database(sqlite_url(tmp_path)) as database:
        yield database


@pytest.fixture
def table(database: Database) -> UnheardTags:
    """Where they leave what they cannot send."""
    return UnheardTags(database)


async def left_in(table: UnheardTags) -> list[frozenset[str]]:
    """The tags that are left, row by row."""
    return [tags for _, tags in await table.read()]


async def page(one: Process, origin: Origin) -> tuple[bytes, bool]:
    """What the next caller gets, and whether it is called fresh."""
    lookup = await asked(one.cache, "page", origin, tuple(TAGS))
    return lookup.value.body, lookup.fresh


class Refusing(HangingTier):
    """A second tier that takes no invalidation until it is told to; then it remembers what it took."""

    def __init__(self) -> None:
        self.takes = False
        self.taken: list[tuple[frozenset[str], Committed]] = []

    @override
    async def invalidate(
        self, tags: Iterable[str], sender: str, committed: Committed = NOTHING_KNOWN, doubt: Doubt | None = None
    ) -> bool:
        if self.takes:
            self.taken.append((frozenset(tags), committed))
        return self.takes


class Sending:
    """Takes what is sent, or refuses it. meanwhile: what is left while it is on its way."""

    def __init__(self, table: UnheardTags, *, takes: bool = True, meanwhile: Iterable[str] = ()) -> None:
        self._table = table
        self._takes = takes
        self._meanwhile = meanwhile
        self.sent: list[frozenset[str]] = []

    async def __call__(self, tags: frozenset[str]) -> frozenset[str] | None:
        """As InvalidationSender.send_for_others."""
        self.sent.append(tags)
        if self._meanwhile:
            await self._table.leave(self._meanwhile)
            self._meanwhile = ()
        return tags if self._takes else None


class LosingRows(UnheardTags):
    """A table from which the first attempt deletes nothing: its process has died by then."""

    died = False

    @override
    async def remove(self, ids: Sequence[int], *, instead: Iterable[str] = ()) -> None:
        if not self.died:
            self.died = True
            raise DatabaseUnavailable("as when the process dies here")
        await super().remove(ids, instead=instead)


@pytest.mark.parametrize("looking", [False, True])
async def test_others_hear_of_what_was_written_without_redis(
    own_redis: StartRedis, table: UnheardTags, monkeypatch: pytest.MonkeyPatch, looking: bool
) -> None:
    """Without the look at the table another process calls the old page fresh for its fresh time, with it not."""
    if not looking:
        monkeypatch.setattr(Deliveries, "look", lambda _: asyncio.sleep(0))
    server, clock, origin = own_redis(), StillClock(), Origin("old")
    async with (
        tcp_proxy(server.port) as proxy,
        process(f"redis://127.0.0.1:{proxy.port}/0", clock, wait_max_s=0.1, left_tags=table) as cut_off,
        process(server.url(), clock, left_tags=table) as reader,
    ):
        assert (b"old", True) == await page(reader, origin)
        proxy.swallow()
        origin.written = "new"
        await cut_off.cache.invalidate(TAGS)
        if looking:
            await eventually(lambda: page(reader, origin), lambda found: found == (b"new", True))
            assert cut_off.cache.unheard
            assert reader.cache.counts.sent_for_others > 0
            assert [] == await eventually(lambda: left_in(table), lambda left: not left)
        else:
            await eventually(lambda: left_in(table), lambda left: left == [TAGS])
            clock.now_s += 20
            await until_heard(reader)
            assert (b"old", True) == await page(reader, origin)
        proxy.pass_on()
        await eventually(lambda: page(reader, origin), lambda found: found == (b"new", True))
        assert await cut_off.cache.settle()
        assert not cut_off.cache.unheard


async def test_what_redis_took_is_not_left(table: UnheardTags) -> None:
    """Before the first failure nothing is; what was left is sent as well when Redis is back, and left no more."""
    tier = Refusing()
    sender = InvalidationSender(tier, TagHistory(), clock=time.time, left_tags=table)
    tier.takes = True
    sender.invalidate(["a"])
    assert await sender.settle(5)
    assert not sender.unheard
    tier.takes = False
    sender.invalidate(["b"])
    assert [{"b"}] == await eventually(lambda: left_in(table), bool)
    assert sender.unheard
    sender.invalidate(["c"], left=True)
    tier.takes = True
    assert await sender.settle(5)
    assert await sender.leave()
    assert [{"b"}] == await left_in(table)
    assert {"a", "b", "c"} == frozenset().union(*(tags for tags, _ in tier.taken))
    await sender.close(0)


async def test_what_cannot_be_left_is_left_later(table: UnheardTags, database: Database) -> None:
    """While the database is away, or out of order, it is kept, and not called left."""
    sender = InvalidationSender(Refusing(), TagHistory(), clock=time.time, left_tags=table)
    await database.run_script(["ALTER TABLE unheard_tags RENAME TO elsewhere"])
    sender.invalidate(TAGS)
    assert not await sender.leave()
    await database.run_script(["ALTER TABLE elsewhere RENAME TO unheard_tags"])
    assert await sender.leave()
    assert [TAGS] == await left_in(table)
    await sender.close(0)


async def test_what_redis_is_long_to_take_is_left(table: UnheardTags) -> None:
    """However long this process waits for its answer, others find it soon; so what is written next is left with it."""
    sender = InvalidationSender(HangingTier(), TagHistory(), clock=time.time, left_tags=table)
    sender.invalidate(TAGS)
    assert [TAGS] == await eventually(lambda: left_in(table), bool)
    assert sender.unheard
    await sender.close(0)
    assert [TAGS] == await left_in(table)


async def test_a_process_that_ends_leaves_what_is_on_its_way(table: UnheardTags) -> None:
    """Redis has not said no yet, and there is no time to wait for it."""
    sender = InvalidationSender(HangingTier(), TagHistory(), clock=time.time, left_tags=table)
    sender.invalidate(TAGS)
    await sender.close(0)
    assert [TAGS] == await left_in(table)


async def test_a_write_in_doubt_is_left_too(table: UnheardTags) -> None:
    """While it may take effect, and once more when it is decided."""
    sender = InvalidationSender(Refusing(), TagHistory(), clock=time.time, left_tags=table)
    decided = asyncio.Event()
    sender.invalidate(TAGS, until=decided)
    before = len(await eventually(lambda: left_in(table), bool))
    decided.set()
    left = await eventually(lambda: left_in(table), lambda left: len(left) > before)
    assert {TAGS} == set(left)
    await sender.close(0)


async def test_what_is_sent_for_others_says_no_position(table: UnheardTags) -> None:
    """How far the writer had come with it is not known, whatever this process has committed."""
    tier = Refusing()
    sender = InvalidationSender(tier, TagHistory(), clock=time.time, left_tags=table)
    assert await sender.send_for_others(TAGS) is None
    tier.takes = True
    assert TAGS == await sender.send_for_others(TAGS)
    assert [(TAGS, NOTHING_KNOWN)] == tier.taken


async def test_what_a_process_left_itself_is_not_said_of_others(table: UnheardTags) -> None:
    """After an outage of Redis it may find its own rows first: they go, and nothing is logged or counted."""
    tier, counts = Refusing(), CacheCounts()
    sender = InvalidationSender(tier, TagHistory(), clock=time.time, left_tags=table)
    deliveries = Deliveries(table, sender.send_for_others, counts)
    sender.invalidate(TAGS)
    assert await sender.leave()
    tier.takes = True
    with capture_logs() as events:
        await deliveries.look()
    assert [] == await left_in(table)
    assert ([], 0) == (events, counts.sent_for_others)
    await table.leave(frozenset({"product/of another"}))
    with capture_logs() as events:
        await deliveries.look()
    assert ["a process cannot send its invalidations: they are sent from here"] == [one["event"] for one in events]
    assert 1 == counts.sent_for_others
    await sender.close(0)


async def test_who_dies_before_the_deletion_has_it_sent_again(table: UnheardTags, database: Database) -> None:
    """The row outlives whoever sent it: the next one sends it once more, and deletes it."""
    sending, dying = Sending(table), LosingRows(database)
    await table.leave(TAGS)
    deliveries = Deliveries(dying, sending, CacheCounts())
    with pytest.raises(DatabaseUnavailable):
        await deliveries.look()
    assert [TAGS] == await left_in(table)
    await deliveries.look()
    assert [TAGS] * 2 == sending.sent
    assert [] == await left_in(table)


async def test_what_is_left_meanwhile_is_sent_for_itself(table: UnheardTags) -> None:
    """The same tags, left while they are on their way for an earlier write: they are sent once more."""
    sending = Sending(table, meanwhile=TAGS)
    await table.leave(TAGS)
    await Deliveries(table, sending, CacheCounts()).look()
    assert [TAGS] * 2 == sending.sent
    assert [] == await left_in(table)


async def test_two_that_look_at_once_do_no_harm(table: UnheardTags) -> None:
    """Both may send; afterwards nothing is left, and nothing was not sent."""
    tags = [frozenset({f"product/{number}"}) for number in range(20)]
    for one in tags:
        await table.leave(one)
    first, second = Sending(table), Sending(table)
    await asyncio.gather(*(Deliveries(table, sending, CacheCounts()).look() for sending in (first, second)))
    assert frozenset().union(*tags) == frozenset().union(*first.sent, *second.sent)
    assert [] == await left_in(table)


@pytest.mark.parametrize("different", [3, _TAGS_MAX + 1])
async def test_while_nobody_has_a_redis_it_does_not_add_up(
    table: UnheardTags, database: Database, different: int
) -> None:
    """Many rows become few with the same tags, and too many tags everything; the rows stay until they are sent."""
    refusing = Sending(table, takes=False)
    deliveries = Deliveries(table, refusing, CacheCounts())
    await table.leave(TAGS)
    await deliveries.look()
    assert [TAGS] == await left_in(table)
    tags = frozenset(f"product/{number}" for number in range(different))
    await table.leave(tags)
    rows = [('["products"]',)] * (4 * _ROWS_MAX)
    await database.in_transaction(
        lambda session: session.execute_many("INSERT INTO unheard_tags (tags) VALUES (%s)", rows)
    )
    await deliveries.look()
    (left,) = await left_in(table)
    assert (tags | TAGS if different == 3 else {EVERYTHING}) == left
    sending = Sending(table)
    await Deliveries(table, sending, CacheCounts()).look()
    assert [left] == sending.sent
    assert [] == await left_in(table)
