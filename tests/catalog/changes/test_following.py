"""A mirror that follows the log is the catalogue, whoever writes, and however late somebody commits."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from farmlokal.catalog.changes.outbox import IDS_PER_ROW
from farmlokal.catalog.writing.absent import Grave, bury
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.database.interface import Session
from tests.catalog.changes.following import Following, follow, on_offer
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import on_every_backend, on_every_server

PICTURE = "https://images.example/okra.jpg"


@pytest.fixture
async def following(write: Writing) -> Following:
    """A mirror of the catalogue that `write` writes to, by small pages."""
    return await follow(write.database, limit=3)


@on_every_backend
async def test_a_mirror_begins_with_what_is_there(write: Writing, following: Following) -> None:
    """All products page by page, tombstones left out, then what has changed since: each as its own answer has it."""
    await write(*(record(f"{number}", stock=number, image_url=PICTURE) for number in range(8)))
    await write(deletion("3", 2), deletion("never-came"))
    assert await on_offer(write.database) == await following.catch_up()
    assert 7 == len(following.mirror.products)
    await write(record("1", 2, description="Two\nlines", brand="Gaon Se"), deletion("5", 2), record("new"))
    await write(record("3", 3, name="Back again"))
    assert await on_offer(write.database) == await following.catch_up()
    assert 8 == len(following.mirror.products)


@on_every_backend
async def test_what_happens_during_the_walk_is_not_lost(write: Writing, following: Following) -> None:
    """Changes behind the walk's place and before it, one of them of a product that is not yet reached."""
    await write(*(record(f"{number}") for number in range(8)))
    await following.sequencer.number()
    assert await following.mirror.turn()
    await write(record("0", 2, name="Changed"), deletion("7", 2), deletion("1", 2), record("late"))
    assert await on_offer(write.database) == await following.catch_up()


@on_every_backend
async def test_a_page_shows_a_product_once(write: Writing, following: Following) -> None:
    """Changed twice within a page and again later, it is there twice: in two pages, as it is now."""
    await following.catch_up()
    for version in (1, 2, 3, 4):
        await write(record("okra", version, stock=version))
        await following.sequencer.number()
    page = await following.mirror._ask(following.mirror.after)
    assert page is not None
    assert [4] == [product["stock"] for product in page["data"]]
    assert page["page"]["has_more"]
    assert await on_offer(write.database) == await following.catch_up()


Write = Callable[[Writing], Awaitable[object]]


async def _order(write: Writing) -> None:
    async def work(session: Session) -> None:
        stocks = await StockWriter(write.database).lock_in(session, {("feed", "okra-1")})
        assert stocks.change("feed", "okra-1", -1)[1] is None
        stocks.write()

    await write.database.in_transaction(work)


async def _bury_unseen(write: Writing) -> None:
    before = write.now + timedelta(days=1)
    assert 1 == await write.writer.sightings.bury_unseen("feed", "a run", before=before)


async def _expire(write: Writing) -> None:
    ((product_id,),) = await write.database.fetch("SELECT id FROM products")
    assert 1 == await bury(write.database, [Grave([product_id], "version < %s", (9,))], now=write.now)


async def _prices_of_a_day(write: Writing, version: int = 86400, **fields: object) -> None:
    said = record("okra-1", version, said="tomato,1400", farm=None, **fields)
    await write(said)


@on_every_backend
@pytest.mark.parametrize(
    "change",
    [
        lambda write: write(record(version=2, name="Lady's Finger")),
        lambda write: write(deletion(version=2)),
        _order,
        _bury_unseen,
        _expire,
    ],
    ids=["upsert", "deletion", "order", "absence", "expiry"],
)
async def test_every_writer_notes_what_it_changes(write: Writing, following: Following, change: Write) -> None:
    """An upsert, a deletion, an order, what a run did not meet, what a file no longer lists."""
    await write(record(stock=5))
    before = await on_offer(write.database)
    assert before == await following.catch_up()
    await change(write)
    after = await on_offer(write.database)
    assert before != after
    assert after == await following.catch_up()


@on_every_backend
async def test_market_files_note_a_version_and_a_place(write: Writing, following: Following) -> None:
    """A later file that says the same changes the version alone; the list of markets, a place alone."""
    await _prices_of_a_day(write)
    assert await on_offer(write.database) == await following.catch_up()
    await _prices_of_a_day(write, version=2 * 86400)
    confirmed = await following.catch_up()
    assert [2 * 86400] == [product["version"] for product in confirmed.values()]
    await _prices_of_a_day(write, lat=18.5, lon=73.8)
    assert [18.5] == [product["lat"] for product in (await following.catch_up()).values()]
    assert await on_offer(write.database) == following.mirror.products


@on_every_backend
async def test_what_changes_nothing_is_not_noted(write: Writing, following: Following) -> None:
    """An unchanged, an outdated and a rejected record leave the outbox empty."""
    await write(record(version=2))
    await following.sequencer.number()
    await write(record(version=2), record(version=1), record(version=2, name="Other"))
    assert [(0,)] == await write.database.fetch("SELECT COUNT(*) FROM change_outbox")


@on_every_backend
async def test_a_load_of_many_is_few_rows(write: Writing) -> None:
    """Of the outbox and of the log; a page may begin and end within one."""
    following = await follow(write.database, limit=400)
    await following.catch_up()
    many = IDS_PER_ROW + 7
    await write(*(record(f"{number}") for number in range(many)))
    assert [(2,)] == await write.database.fetch("SELECT COUNT(*) FROM change_outbox")
    assert await on_offer(write.database) == await following.catch_up()
    assert [(IDS_PER_ROW,), (many,)] == await write.database.fetch("SELECT number FROM changes ORDER BY number")


@on_every_server
async def test_what_is_committed_late_is_not_lost(write: Writing, following: Following) -> None:
    """A transaction that began first and commits last: by a time of writing, or by ids, nobody would see it."""
    await write(record("first"))  # which brings the name, too
    await following.catch_up()
    written, may_commit = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> None:
        await write.writer.apply_in(session, [record("slow")])
        await session.fetch("SELECT 1")  # what was deferred is written by then
        written.set()
        await may_commit.wait()

    slowly = asyncio.create_task(write.database.in_transaction(slow))
    await written.wait()
    seen_until = write.pass_s(10)
    for version in range(1, 13):
        await write(record("quick", version))
    ((seen_id,),) = await write.database.fetch("SELECT id FROM products WHERE external_id = 'quick'")
    ((seen_row,),) = await write.database.fetch("SELECT MAX(id) FROM change_outbox")
    assert {"first", "quick"} == {one["external_id"] for one in (await following.catch_up()).values()}
    may_commit.set()
    await slowly
    # Whoever goes by the last time, or the last id, that was seen.
    for column, seen in (("updated_at", write.database.dialect.time_in(seen_until)), ("id", seen_id)):
        assert [] == await write.database.fetch(f"SELECT id FROM products WHERE {column} > %s", (seen,))
    assert [] == await write.database.fetch("SELECT id FROM change_outbox WHERE id > %s", (seen_row,))
    assert {"first", "quick", "slow"} == {one["external_id"] for one in (await following.catch_up()).values()}
    assert await on_offer(write.database) == following.mirror.products
