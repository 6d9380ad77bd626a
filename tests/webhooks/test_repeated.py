"""Deliveries of what this process has seen through: counted as all are, without a look at what is known."""

from collections.abc import Collection
from pathlib import Path
from typing import cast

from farmlokal.database.interface import Database, Session
from farmlokal.errors import EventConflict
from farmlokal.webhooks.inbox import InboxRow
from farmlokal.webhooks.receive import Receipt
from tests.support.service import open_database, sqlite_url
from tests.support.webhook_sender import body_of, product
from tests.webhooks.inbox_view import inbox_of
from tests.webhooks.test_batches import Desk, products


async def test_they_are_one_statement_of_a_batch(tmp_path: Path) -> None:
    """Many at once are duplicates with the first one's effect, each counted, and no row is read for them."""
    async with open_database(sqlite_url(tmp_path)) as database:
        desk, event = Desk(database), products()[0]
        (first,) = await desk.at_once(event)
        del desk.told[:]
        looked_at = watch_looks(desk)
        again = await desk.at_once(*[event] * 5)
        assert [(True, cast("Receipt", first).effect)] * 5 == [
            (cast("Receipt", one).duplicate, cast("Receipt", one).effect) for one in again
        ]
        assert [] == looked_at
        assert 5 == len(desk.told)
        assert [6] == [row.attempts for row in await inbox_of(database)]


async def test_its_category_is_told_again(tmp_path: Path) -> None:
    """A sender that calls a category as nobody does hears of it with every answer."""
    async with open_database(sqlite_url(tmp_path)) as database:
        desk, body = Desk(database), body_of("product.upserted", product("okra-1", 1, category="seeds"))
        for duplicate in (False, True):
            (receipt,) = await desk.at_once(("msg_1", body))
            assert (duplicate, "seeds") == (
                cast("Receipt", receipt).duplicate,
                cast("Receipt", receipt).unknown_category,
            )


async def test_one_whose_row_is_gone_is_received_as_new(tmp_path: Path) -> None:
    """Where the inbox has forgotten an event, the process's memory of it counts for nothing."""
    async with open_database(sqlite_url(tmp_path)) as database:
        desk, event = Desk(database), products()[0]
        await desk.at_once(event)
        await forget(database)
        (again,) = await desk.at_once(event)
        assert not cast("Receipt", again).duplicate
        assert [1] == [row.attempts for row in await inbox_of(database)]


async def test_one_whose_id_another_body_has_taken_is_refused(tmp_path: Path) -> None:
    """Where the inbox has forgotten an event and its id came again with another body, that body's row counts."""
    async with open_database(sqlite_url(tmp_path)) as database:
        desk, (one, other) = Desk(database), products()[:2]
        await desk.at_once(one)
        await forget(database)
        await Desk(database).at_once((one[0], other[1]))
        assert [EventConflict] == [type(answer) for answer in await desk.at_once(one)]


async def test_another_body_under_a_known_id_is_looked_at(tmp_path: Path) -> None:
    """What is known is an id with a body: another body goes the long way, and is refused."""
    async with open_database(sqlite_url(tmp_path)) as database:
        desk, (one, other) = Desk(database), products()[:2]
        await desk.at_once(one)
        looked_at = watch_looks(desk)
        await desk.at_once((one[0], other[1]))
        assert [one[0]] == looked_at


def watch_looks(desk: Desk) -> list[str]:
    """The ids of the events whose rows are looked at from now on."""
    inbox, looked_at = desk.receiver._inbox, list[str]()
    lock = inbox.lock

    async def tell_and_lock(session: Session, event_ids: Collection[str]) -> dict[str, InboxRow]:
        looked_at.extend(event_ids)
        return await lock(session, event_ids)

    inbox.lock = tell_and_lock  # type: ignore[method-assign]
    return looked_at


async def forget(database: Database) -> None:
    """Delete every row of the inbox."""

    async def work(session: Session) -> None:
        await session.execute("DELETE FROM webhook_inbox")

    await database.in_transaction(work)
