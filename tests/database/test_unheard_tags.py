"""The table of what Redis did not take: left with the write itself, read in order, deleted by whoever has sent it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from farmlokal.database.interface import Database, Session
from farmlokal.database.touching import InvalidateOrLeave, commit_touching
from farmlokal.database.unheard_tags import UnheardTags
from tests.support.backends import on_every_backend
from tests.support.service import open_database

TAGS = frozenset({"products", "category/eggs"})


class DiedError(Exception):
    """What stands for the end of the process."""


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with our schema."""
    async with open_database(backend_url) as database:
        yield database


async def left_in(database: Database) -> list[frozenset[str]]:
    """The tags that are left, row by row."""
    return [tags for _, tags in await UnheardTags(database).read()]


async def write(session: Session) -> tuple[int, frozenset[str]]:
    """Something that touches the tags."""
    return await session.execute("INSERT INTO sightings (run, product_id) VALUES ('run', 1)"), TAGS


@on_every_backend
@pytest.mark.parametrize("unheard", [False, True])
async def test_a_process_that_dies_at_its_commit_has_left_its_tags(database: Database, unheard: bool) -> None:
    """Where Redis is known to be away the row is committed with the write; otherwise the death loses the word."""

    async def die(tags: frozenset[str], *, until: asyncio.Event | None = None, left: bool = False) -> None:
        assert (TAGS, None, unheard) == (tags, until, left)
        raise DiedError

    with pytest.raises(DiedError):
        await commit_touching(database, write, InvalidateOrLeave(die, lambda: unheard))
    assert [("run", 1)] == await database.fetch("SELECT run, product_id FROM sightings")
    assert ([TAGS] if unheard else []) == await left_in(database)


@on_every_backend
async def test_a_write_that_is_undone_leaves_nothing(database: Database) -> None:
    """What touched nothing, or was rolled back, is nothing to tell."""

    async def refuse(session: Session) -> None:
        invalidate.before_commit(session, TAGS)
        await session.fetch("SELECT 1")  # behind what was deferred
        raise DiedError

    async def touch_nothing(_: Session) -> tuple[None, frozenset[str]]:
        return None, frozenset()

    async def nobody(tags: frozenset[str], *, until: asyncio.Event | None = None, left: bool = False) -> None:
        pytest.fail(f"there is nothing to invalidate: {tags}, {until}, {left}")

    invalidate = InvalidateOrLeave(nobody, lambda: True)
    with pytest.raises(DiedError):
        await database.in_transaction(refuse)
    await commit_touching(database, touch_nothing, invalidate)
    assert [] == await left_in(database)


@on_every_backend
async def test_rows_are_read_in_order_and_deleted_by_name(database: Database) -> None:
    """Many tags are several rows; what was left later stays when what was read before is deleted."""
    table = UnheardTags(database)
    many = [f"product/{number}" for number in range(1200)]
    await table.leave(many)
    await table.leave(["any text: ₹, \"quotes\" and 'more'"])
    rows = await table.read()
    assert [500, 500, 200, 1] == [len(tags) for _, tags in rows]
    assert {*many} == frozenset().union(*(tags for _, tags in rows[:3]))
    await table.leave(TAGS)
    await table.remove([row_id for row_id, _ in rows])
    assert [TAGS] == await left_in(database)


@on_every_backend
async def test_of_two_that_replace_the_same_rows_one_does(database: Database) -> None:
    """Both have read them: who comes second finds none left, and leaves nothing in their place."""
    table = UnheardTags(database)
    await table.leave(["a"])
    await table.leave(["b"])
    ids = [row_id for row_id, _ in await table.read()]
    await asyncio.gather(*(table.remove(ids, instead=["a", "b"]) for _ in range(2)))
    assert [{"a", "b"}] == await left_in(database)
