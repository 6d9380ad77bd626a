"""Dead events that heal: by their redelivery, or woken by what they waited for, whichever way that came."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from farmlokal.app.webhooks import handlers
from farmlokal.database.interface import Database, Row, Session
from farmlokal.errors import EventDead
from farmlokal.webhooks import receive
from farmlokal.webhooks.events import EventResult, Prepare, Prepared
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.receive import Receiver
from tests.partner.feed_server import pages_of, row
from tests.partner.syncing import syncing
from tests.support.backends import on_every_backend, on_every_server
from tests.support.command import developers, farmlokal
from tests.support.service import open_database, sqlite_url
from tests.support.webhook_sender import body_of, order, product
from tests.webhooks.inbox_view import inbox_of, stock_of
from tests.webhooks.webhook_service import WebhookService, webhook_service

DEAD = (422, None, "/problems/event-dead")
PLACED = body_of("order.placed", order("A1", 4))


async def nobody(tags: frozenset[str], **_: object) -> None:
    """Told which tags were touched."""


def receiver_of(database: Database, changed: Callable[[Prepare], Prepare] = lambda prepare: prepare) -> Receiver:
    """A process's receiver. changed: what it does otherwise for orders."""
    known = handlers(database, source="partner")
    return Receiver(database, Inbox(database), {**known, "order.placed": changed(known["order.placed"])}, nobody)


async def effects(stand: WebhookService) -> dict[str, str]:
    """Each order event's state."""
    return {row.event_id: row.state for row in await inbox_of(stand.database) if row.type.startswith("order")}


@on_every_backend
async def test_a_redelivery_tries_again(backend_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was dead takes effect when it is delivered again, where nothing had woken it; then it is a duplicate."""
    async with webhook_service(backend_url) as stand:
        assert DEAD == await stand.event("order.placed", order("A1", 4), event_id="msg_1")
        with monkeypatch.context() as sleeping:
            sleeping.setattr(receive, "_VAIN_TRIES_MAX", 0)  # nobody is woken
            await stand.event("product.upserted", product(stock=3), event_id="msg_2")
            assert DEAD == await stand.event("order.placed", order("A1", 4), event_id="msg_1")
            await stand.event("product.upserted", product(version=2, stock=10))
            assert {"msg_1": "dead"} == await effects(stand)
            assert (200, False, "placed") == await stand.event("order.placed", order("A1", 4), event_id="msg_1")
        assert (200, True, "placed") == await stand.event("order.placed", order("A1", 4), event_id="msg_1")
        assert [6] == [listed["stock"] for listed in await stand.listed()]
        assert [4] == [row.attempts for row in await inbox_of(stand.database) if row.event_id == "msg_1"]


@on_every_backend
async def test_the_products_event_wakes_its_orders(backend_url: str) -> None:
    """Its arrival and a higher stock place what fits, the oldest first, cancellations that wait for these with them."""
    async with webhook_service(backend_url) as stand:
        await stand.event("order.cancelled", order("A1", 4), event_id="msg_1c")
        for number, quantity in ((1, 4), (2, 9), (3, 3)):
            assert DEAD == await stand.event("order.placed", order(f"A{number}", quantity), event_id=f"msg_{number}")
        await stand.event("order.placed", order("A4", 1, external_id="okra-2"), event_id="msg_4")
        await stand.event("product.upserted", product(stock=5))
        assert [2] == [listed["stock"] for listed in await stand.listed()]
        expected = {"msg_1": "done", "msg_1c": "done", "msg_2": "dead", "msg_3": "done", "msg_4": "dead"}
        assert expected == await effects(stand)
        await stand.event("product.upserted", product(version=2, stock=10))
        assert [1] == [listed["stock"] for listed in await stand.listed()]
        assert expected | {"msg_2": "done"} == await effects(stand)


@on_every_backend
async def test_what_one_order_gives_back_another_takes(backend_url: str) -> None:
    """A cancellation wakes the orders that found too little stock."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=5))
        await stand.event("order.placed", order("A1", 5))
        assert DEAD == await stand.event("order.placed", order("A2", 3))
        await stand.event("order.cancelled", order("A1", 5))
        assert 2 == await stock_of(stand.database)


@on_every_backend
async def test_two_contents_of_one_version_are_settled_by_the_next(backend_url: str) -> None:
    """A rejected event is outdated, and no dead one, when a newer version comes."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(version=1))
        assert DEAD == await stand.event("product.upserted", product(version=1, price="1.00"), event_id="msg_1")
        await stand.event("product.upserted", product(version=2))
        assert ["outdated"] == [row.effect for row in await inbox_of(stand.database) if row.event_id == "msg_1"]


@on_every_backend
async def test_a_duplicate_wakes_again(backend_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that took the product in may have died before it woke anybody: its redelivery does."""
    async with open_database(backend_url) as database:
        receiver = receiver_of(database)
        with pytest.raises(EventDead):
            await receiver.receive("msg_1", PLACED)

        async def dies(_: object) -> None:
            raise asyncio.CancelledError

        dying = receiver_of(database)
        monkeypatch.setattr(dying, "wake", dies)
        body = body_of("product.upserted", product(stock=10))
        with pytest.raises(asyncio.CancelledError):
            await dying.receive("msg_2", body)
        assert 10 == await stock_of(database)
        assert (await receiver.receive("msg_2", body)).duplicate
        assert 6 == await stock_of(database)


@on_every_backend
async def test_a_sync_wakes_the_orders_of_its_products(backend_url: str) -> None:
    """The feed's page brings the product, and the order that came before it is placed."""
    async with syncing(backend_url) as sync:
        receiver = receiver_of(sync.database)
        with pytest.raises(EventDead):
            await receiver.receive("msg_1", PLACED)
        sync.server.pages = pages_of([row("okra-1", stock=10)])
        await sync()
        assert 6 == await stock_of(sync.database)


async def test_an_import_wakes_the_orders_of_its_products(tmp_path: Path) -> None:
    """`farmlokal import` brings the product, and the order that came before it is placed."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as database:
        with pytest.raises(EventDead):
            await receiver_of(database).receive("msg_1", PLACED)
        file = tmp_path / "products.ndjson"
        file.write_bytes(body_of("x", product(stock=10)).partition(b'"data":')[2][:-1] + b"\n")
        done = await asyncio.to_thread(farmlokal, developers(tmp_path), tmp_path, "import", str(file))
        assert 0 == done.returncode
        assert 6 == await stock_of(database)


@on_every_backend
async def test_of_many_that_wait_in_vain_some_are_tried(backend_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stock is too low for so many in a row, the others of that product are left to their redelivery."""
    monkeypatch.setattr(receive, "_VAIN_TRIES_MAX", 3)
    async with webhook_service(backend_url) as stand:
        for number in range(5):
            await stand.event("order.placed", order(f"A{number}", 9), event_id=f"msg_{number}")
        await stand.event("order.placed", order("A5", 1), event_id="msg_5")
        await stand.event("order.placed", order("B1", 1, external_id="okra-2"), event_id="msg_6")
        await stand.event("product.upserted", product(stock=2))
        await stand.event("product.upserted", product("okra-2", stock=2))
        assert {"msg_6"} == {event_id for event_id, state in (await effects(stand)).items() if state == "done"}
        assert (200, False, "placed") == await stand.event("order.placed", order("A5", 1), event_id="msg_5")


class Crossing:
    """Holds an order's transaction between its look at the product and its COMMIT, until `meanwhile` is done."""

    def __init__(self, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        self._meanwhile = meanwhile
        self._crossed = False

    def __call__(self, prepare: Prepare) -> Prepare:
        """What places an order so."""

        def prepared(data: object) -> Prepared:
            whole = prepare(data)

            async def apply(session: Session) -> EventResult:
                result = await whole.apply(session)
                if not self._crossed:
                    self._crossed = True
                    await self._meanwhile()
                return result

            return whole._replace(apply=apply)

        return prepared


@on_every_server
@pytest.mark.parametrize("looks_again", [False, True])
async def test_an_order_and_its_product_cross(
    backend_url: str, looks_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The product is committed after the order's look at it, and looks for waiting orders before that one is one.

    Without the second look the order waits for ever. SQLite has one writer at a time: there the two cannot cross.
    """
    async with open_database(backend_url) as database:

        async def product_comes() -> None:
            body = body_of("product.upserted", product(stock=10))
            assert "created" == (await receiver_of(database).receive("msg_2", body)).effect

        receiver = receiver_of(database, Crossing(product_comes))
        if looks_again:
            assert "placed" == (await receiver.receive("msg_1", PLACED)).effect
            assert 6 == await stock_of(database)
            return

        async def blind(_: str, result: EventResult) -> EventResult:
            return result

        monkeypatch.setattr(receiver, "_look_again", blind)
        with pytest.raises(EventDead):
            await receiver.receive("msg_1", PLACED)
        assert 10 == await stock_of(database)


async def deadlocks_of(database: Database) -> list[Row]:
    """How many deadlocks MariaDB has ended; nothing of a server that does not say."""
    if database.dialect.name == "sqlite":
        return []
    return await database.fetch("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")


@on_every_backend
async def test_orders_and_products_at_once(backend_url: str) -> None:
    """However orders, cancellations, redeliveries and their products meet, each takes effect once and none waits.

    No transaction of theirs is ended by a deadlock, as far as the server counts these.
    """
    async with open_database(backend_url, pool_size=16) as database:
        deadlocks = await deadlocks_of(database)
        receivers = [receiver_of(database) for _ in range(2)]

        async def deliver(number: int, event_id: str, event_type: str, data: object) -> None:
            with contextlib.suppress(EventDead):  # not yet
                await receivers[number % 2].receive(event_id, body_of(event_type, data))

        work = [
            deliver(number + copy, f"{event_type}_{number}", event_type, order(f"A{number}", 1, f"okra-{number % 4}"))
            for number in range(24)
            for copy in range(2)
            for event_type in ("order.cancelled", "order.placed")
            if event_type == "order.placed" or number % 3 == 0
        ]
        work += [deliver(n, f"up_{n}", "product.upserted", product(f"okra-{n}", stock=100)) for n in range(4)]
        await asyncio.gather(*work)
        assert {"done"} == {row.state for row in await inbox_of(database)}
        assert deadlocks == await deadlocks_of(database)
        placed = sum(1 for number in range(24) if number % 3)
        assert 400 - placed == sum([await stock_of(database, f"okra-{n}") for n in range(4)])
