"""Dead events: replayed when what kept them from taking effect is gone, and forgotten in the end."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from farmlokal.catalog.wire import parse_product
from farmlokal.database.interface import Session
from farmlokal.web import keys
from farmlokal.webhooks.events import IGNORED, EventResult
from farmlokal.webhooks.inbox import Inbox, NewEvent, Settled, State
from farmlokal.webhooks.receive import replay_all
from farmlokal.webhooks.retention import Retention
from tests.support.backends import on_every_backend
from tests.support.command import developers, farmlokal, operators
from tests.support.service import fill, open_database, sqlite_url
from tests.support.waiting import eventually
from tests.support.webhook_sender import order, product
from tests.webhooks.fleet import fleet_of
from tests.webhooks.inbox_view import inbox_of, remembered, stock_at, stock_of
from tests.webhooks.webhook_service import webhook_service


async def bring_unseen(url: str, *, stock: int) -> None:
    """Bring the product into the catalogue so that nobody is woken, as a process does that dies then."""
    await fill(url, [parse_product(product(stock=stock), source="partner")])


@on_every_backend
async def test_a_replay_takes_effect_once(backend_url: str) -> None:
    """A dead placement lands when there is stock, wakes its cancellation no second time, and is no dead event then."""
    async with webhook_service(backend_url) as stand:
        await stand.event("order.placed", order("A1", 4), event_id="msg_placed")
        await bring_unseen(backend_url, stock=4)
        receiver = stand.service.app[keys.RECEIVER]
        result = await receiver.replay("msg_placed")
        assert result is not None
        assert ("placed", None) == (result.effect, result.dead)
        assert None is await receiver.replay("msg_placed")
        assert None is await receiver.replay("msg_unknown")
        assert 0 == await stock_of(stand.database)
        assert (200, True, "placed") == await stand.event("order.placed", order("A1", 4), event_id="msg_placed")
        assert [0] == [row["stock"] for row in await stand.listed()]


@on_every_backend
async def test_what_still_cannot_land_stays_dead(backend_url: str) -> None:
    """A replay of all counts both, and keeps the body of what is still dead."""
    async with webhook_service(backend_url) as stand:
        await stand.event("order.cancelled", order("A1", 4), event_id="msg_1")
        await stand.event("order.placed", order("A1", 4), event_id="msg_2")
        await stand.event("order.placed", order("A2", 99), event_id="msg_3")
        await stand.event("product.upserted", product(colour="green"), event_id="msg_4")
        await bring_unseen(backend_url, stock=4)
        counts = await replay_all(stand.service.app[keys.RECEIVER], Inbox(stand.database))
        assert Counter({State.DEAD: 3, State.DONE: 1}) == counts
        assert 4 == await stock_of(stand.database)
        rows = {row.event_id: (row.state, row.has_body) for row in await inbox_of(stand.database)}
        assert {
            "msg_1": ("done", 0),
            "msg_2": ("done", 0),
            "msg_3": ("dead", 1),
            "msg_4": ("dead", 1),
        }.items() <= rows.items()


@on_every_backend
async def test_concurrent_replays_are_one(backend_url: str) -> None:
    """Two operators, or two processes, that replay the same event move the stock once."""
    async with webhook_service(backend_url) as stand:
        await stand.event("order.placed", order("A1", 4), event_id="msg_1")
        await bring_unseen(backend_url, stock=100)
        receiver = stand.service.app[keys.RECEIVER]
        results = await asyncio.gather(*(receiver.replay("msg_1") for _ in range(10)))
        assert 9 == results.count(None)
        assert 96 == await stock_of(stand.database)


@on_every_backend
async def test_old_events_are_forgotten(backend_url: str) -> None:
    """After the keeping time, counted from the last delivery, and not a second sooner."""
    async with webhook_service(backend_url) as stand:
        now = datetime.now(UTC)
        await stand.event("farm.renamed", {}, event_id="msg_old")
        await stand.event("order.placed", order("A1"), event_id="msg_dead")
        stand.service.app[keys.RECEIVER]._inbox._now = lambda: now + timedelta(days=10)
        await stand.event("farm.renamed", {}, event_id="msg_old")

        async def deleted_after(**wait: int) -> int:
            inbox = Inbox(stand.database, now=lambda: now + timedelta(**wait))
            return await Retention(inbox, keep_days=14).delete_due()

        assert 0 == await deleted_after(days=13)
        assert 1 == await deleted_after(days=15)
        assert ["msg_old"] == [row.event_id for row in await inbox_of(stand.database)]
        assert 1 == await deleted_after(days=25)


async def test_the_operator_lists_and_replays(tmp_path: Path) -> None:
    """`farmlokal webhooks list` and `replay` on a running service's database, with their exit codes."""
    url, environment = sqlite_url(tmp_path), developers(tmp_path)

    async def command(*arguments: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(farmlokal, environment, tmp_path, "webhooks", *arguments)
        return done.returncode, done.stdout, done.stderr

    async with webhook_service(url) as stand:
        await stand.event("order.placed", order("A1", 4), event_id="msg_1")
        await stand.event("order.placed", order("A2", 99), event_id="msg_2")
        await bring_unseen(url, stock=4)
        code, out, _ = await command("list", "--state", "dead")
        listed = [line.split("\t") for line in out.splitlines()]
        assert (0, {"msg_1", "msg_2"}) == (code, {fields[0] for fields in listed})
        assert {"partner has no product okra-1"} == {fields[6] for fields in listed}
        assert (0, "1 done, 0 still dead\n") == (await command("replay", "msg_1"))[:2]
        assert (1, "0 done, 1 still dead\n") == (await command("replay", "--all"))[:2]
        assert (1, "") == (await command("replay", "msg_1"))[:2]
        assert 2 == (await command("replay"))[0]
        code, out, _ = await command("list")
        assert (0, 2) == (code, len(out.splitlines()))
    assert 0 == await stock_at(url)
    assert 2 == len(await remembered(url))


async def test_a_replay_tells_the_running_services(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """What the operator's command changed, no process goes on calling fresh."""
    environment = operators(tmp_path, mysql_url, redis_url)
    async with open_database(mysql_url) as database, fleet_of(environment, tmp_path, 1) as fleet:
        await fleet.deliver(0, "order.placed", order("A1", 4), "msg_1")
        await bring_unseen(mysql_url, stock=4)
        assert [4] == [row["stock"] for row in (await fleet.get(0, "/products"))[1]["data"]]
        done = await asyncio.to_thread(farmlokal, environment, tmp_path, "webhooks", "replay", "msg_1")
        assert 0 == done.returncode

        async def old_as_fresh() -> bool:
            cache_status, page = await fleet.get(0, "/products")
            return page["data"][0]["stock"] != 0 and "; ttl=-" not in cache_status

        # Sooner than the page's time would be over.
        await eventually(old_as_fresh, lambda is_so: not is_so)
        assert 0 == await stock_of(database)


async def test_the_service_deletes_old_events_by_itself(tmp_path: Path) -> None:
    """What is due when a service starts is soon deleted."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as database:
        inbox = Inbox(database, now=lambda: datetime.now(UTC) - timedelta(days=2))
        settled = Settled("msg_1", EventResult(IGNORED), "")

        async def add(session: Session) -> None:
            inbox.add(session, [NewEvent(settled, "0" * 64, "farm.renamed", 1)])

        await database.in_transaction(add)
        async with webhook_service(url, webhook_keep_days=1):
            await eventually(lambda: inbox_of(database), lambda rows: not rows)
