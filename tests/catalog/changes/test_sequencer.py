"""Numbers of the log: without a gap, by one process at a time, which any other may replace."""

import asyncio
from itertools import pairwise

import pytest

from farmlokal.catalog.changes.feed import ChangeFeed
from farmlokal.catalog.changes.forgetting import Forgetting
from farmlokal.catalog.changes.outbox import ids_in
from farmlokal.catalog.changes.position import LogPosition, parse_position
from farmlokal.catalog.changes.sequencer import Pending, Sequencer
from farmlokal.database.interface import Database
from farmlokal.errors import NotComplete, PositionGone
from tests.catalog.changes.following import feed_of, follow, on_offer
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import on_every_backend

DAY_S = 24 * 3600


async def log(database: Database) -> list[tuple[int, list[int]]]:
    """The rows of the log: the last number and the products of each."""
    rows = await database.fetch("SELECT number, product_ids FROM changes ORDER BY number")
    return [(number, ids_in(text)) for number, text in rows]


async def end_lease(database: Database) -> None:
    """Let the holder's time be over."""
    await database.run_script(["UPDATE change_log SET lease_until = 0"])


@on_every_backend
async def test_several_at_once_number_each_change_once(write: Writing) -> None:
    """While others write, five sequencers leave numbers without a gap, and no product without one."""
    database = write.database
    sequencers = [Sequencer(database) for _ in range(5)]

    async def writes(writer: int) -> None:
        for number in range(4):
            await write(*(record(f"{writer} {number} {row}") for row in range(3)))

    async def numbers(sequencer: Sequencer) -> None:
        for _ in range(4):
            await end_lease(database)
            await sequencer.number()

    await asyncio.gather(*map(writes, range(3)), *map(numbers, sequencers))
    await end_lease(database)
    await sequencers[0].number()
    rows = await log(database)
    assert [len(ids) for _, ids in rows] == [after - before for before, after in pairwise([0, *dict(rows)])]
    assert 36 == len(rows and {product_id for _, ids in rows for product_id in ids})
    assert 36 == sum(sequencer.numbered for sequencer in sequencers) == rows[-1][0]
    assert Pending(0, 0) == await sequencers[0].pending()


@on_every_backend
async def test_others_leave_it_to_the_holder_until_its_lease_ends(write: Writing) -> None:
    """Then the first that looks takes over; the holder of before, awake again, numbers nothing."""
    holder, other = Sequencer(write.database), Sequencer(write.database)
    await write(record("one"))
    await holder.number()
    await write(record("two"))
    await other.number()
    assert (1, 1) == (len(await log(write.database)), (await other.pending()).rows)
    await end_lease(write.database)
    await other.number()
    await write(record("three"))
    await holder.number()
    assert (1, 1) == (holder.numbered, other.numbered)
    await other.number()
    assert [1, 2, 3] == [number for number, _ in await log(write.database)]


@on_every_backend
async def test_an_idle_catalogue_is_not_written_to(write: Writing) -> None:
    """Whoever looks and finds nothing leaves lease and log as they are, also where nobody has numbered yet."""
    sequencer = Sequencer(write.database)
    await sequencer.number()
    assert [] == await write.database.fetch("SELECT holder FROM change_log")
    await write(record())
    await sequencer.number()
    await end_lease(write.database)
    await sequencer.number()
    assert [(1, 0)] == await write.database.fetch("SELECT last, lease_until FROM change_log")


@on_every_backend
async def test_what_is_old_is_forgotten_and_said(write: Writing) -> None:
    """A mirror that was behind it starts over, one that was not goes on, and the walk is right at once."""
    database = write.database
    behind, near = await follow(database), await follow(database)
    near.sequencer = behind.sequencer
    await behind.catch_up()
    await write(record("one"), record("two"))
    await near.catch_up()
    await database.run_script([f"UPDATE changes SET numbered_at = numbered_at - {8 * DAY_S}"])
    await write(deletion("one", 2), record("three"))
    await behind.sequencer.number()
    assert 1 == await Forgetting(database, keep_days=7).forget_due()
    assert 0 == await Forgetting(database, keep_days=7).forget_due()
    assert [4] == [number for number, _ in await log(database)]
    assert [(4, 2)] == await database.fetch("SELECT last, forgotten FROM change_log")
    position = parse_position(behind.mirror.after or "")
    with pytest.raises(PositionGone, match="no longer kept"):
        await behind.feed.page(position, 10)
    behind.mirror.products[77] = {"id": 77}  # what it must not keep
    for following in (behind, near):
        assert await on_offer(database) == await following.catch_up()


@on_every_backend
async def test_a_position_of_another_log_starts_over(write: Writing) -> None:
    """Of another catalogue, or ahead of this one, as a mirror is of a backup that was restored."""
    await write(record())
    following = await follow(write.database)
    await following.catch_up()
    here = parse_position(following.mirror.after or "")
    assert here is not None
    for position in (here._replace(number=here.number + 1), here._replace(number=2, walked_id=0)):
        with pytest.raises(PositionGone, match="ahead of the log"):
            await following.feed.page(position, 10)
    with pytest.raises(PositionGone, match="of another catalogue"):
        await following.feed.page(here._replace(log="0" * 16), 10)


@on_every_backend
async def test_what_lasts_and_what_is_open(write: Writing) -> None:
    """A page of numbers that are all given, and one of the walk, last; the first and the newest do not."""
    database, feed = write.database, await feed_of(write.database)
    await write(*(record(f"{number}") for number in range(5)))
    await Sequencer(database).number()
    identity = (await feed.page(None, 2)).value.body.rpartition(b'"next_after":"')[2][:16].decode()
    asked = [
        None,
        LogPosition(identity, 5, 2),
        LogPosition(identity, 0),
        LogPosition(identity, 3),
        LogPosition(identity, 4),
    ]
    assert [False, True, True, True, False] == [(await feed.page(after, 2)).lasting for after in asked]
    newest = await feed.page(LogPosition(identity, 5), 2)
    assert newest == await feed.page(LogPosition(identity, 5), 2)
    assert not newest.lasting


@on_every_backend
async def test_during_an_upgrade_there_is_no_feed(write: Writing) -> None:
    """Until its end processes of the release before may write, and they do not note what they change."""
    feed: ChangeFeed = await feed_of(write.database)
    await write.database.run_script(["UPDATE schema_version SET version = 4, usable_from = 4"])
    with pytest.raises(NotComplete):
        await feed.page(None, 10)
    await write.database.run_script(["UPDATE schema_version SET version = 5, usable_from = 5"])
    assert (await feed.page(None, 10)).value.body.startswith(b'{"data":[],')
