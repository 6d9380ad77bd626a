"""Events that arrive together: one transaction, one effect each, and nobody's fault is another's."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import aiomysql
import pytest

from farmlokal.app.webhooks import handlers
from farmlokal.database.interface import Database, Session, T
from farmlokal.database.mysql_connection import Connection
from farmlokal.errors import CommitUnknown, EventConflict, EventDead
from farmlokal.webhooks.events import EventResult, Part, Prepared, prepared
from farmlokal.webhooks.group_commit import GroupCommit
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.receive import Receipt, Receiver
from tests.support.backends import database_on, on_every_backend, on_every_server
from tests.support.service import open_database
from tests.support.webhook_sender import body_of, order, product
from tests.webhooks.inbox_view import inbox_of, stock_of
from tests.webhooks.test_commit_unknown import NextCommit, behind_proxy, next_commit

__all__ = ["next_commit"]  # a fixture

EVENTS = 16
STOCK = 1000


class Transactions:
    """A database whose transactions are counted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        """Whatever is no transaction."""
        return getattr(self._database, name)

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See Database.in_transaction."""
        self.count += 1
        return await self._database.in_transaction(work)


class Desk:
    """A receiver, the transactions that it makes, and what it said of cache tags."""

    def __init__(self, database: Database) -> None:
        self.transactions = Transactions(database)
        self.told: list[tuple[frozenset[str], bool]] = []
        counted = cast("Database", self.transactions)
        known = {**handlers(counted, source="partner"), "odd": self._prepare_odd}
        self.receiver = Receiver(counted, Inbox(counted), known, self._invalidate)
        # However long a busy machine takes, the second batch begins when the first has ended.
        self.receiver._batches.default_factory = lambda: GroupCommit(self.receiver._take_in, held_up_s=60)

    async def _invalidate(self, tags: frozenset[str], *, until: asyncio.Event | None = None) -> None:
        self.told.append((tags, until is not None))

    def _prepare_odd(self, data: object) -> Prepared:
        return prepared(Part(self._apply_odd, data))

    async def _apply_odd(self, session: Session, contents: Sequence[dict[str, Any]]) -> list[EventResult]:
        for content in contents:
            await session.execute(content["statement"])
        return [EventResult("placed") for _ in contents]

    async def at_once(self, *events: tuple[str, bytes]) -> list[Receipt | BaseException]:
        """Deliver events by id and body at the same moment: the first by itself, for it finds nobody at work."""
        return await asyncio.gather(*(self.receiver.receive(*event) for event in events), return_exceptions=True)


def orders(count: int, *, quantity: int = 1) -> list[tuple[str, bytes]]:
    """Events of so many orders, of four products in turn."""
    return [
        (f"msg_{number}", body_of("order.placed", order(f"A{number}", quantity, f"okra-{number % 4}")))
        for number in range(count)
    ]


def products(version: int = 1) -> list[tuple[str, bytes]]:
    """Events of the four products."""
    return [
        (f"up_{version}_{n}", body_of("product.upserted", product(f"okra-{n}", version, stock=STOCK))) for n in range(4)
    ]


async def stocks(database: Database) -> list[int]:
    """The stock of the four products."""
    return [await stock_of(database, f"okra-{number}") for number in range(4)]


@on_every_backend
async def test_they_share_a_transaction(backend_url: str) -> None:
    """Of each kind: one for the first, one for all others; their tags are invalidated together, after the COMMIT."""
    async with open_database(backend_url) as database:
        desk = Desk(database)
        assert ["created"] * 4 == [cast("Receipt", one).effect for one in await desk.at_once(*products())]
        assert 2 == desk.transactions.count
        desk.told.clear()
        answers = await desk.at_once(*orders(EVENTS))
        assert [Receipt(duplicate=False, effect="placed")] * EVENTS == answers
        assert (4, 2) == (desk.transactions.count, len(desk.told))
        assert [STOCK - EVENTS // 4] * 4 == await stocks(database)
        assert [1] * (EVENTS + 4) == [row.attempts for row in await inbox_of(database)]
        cancelled = [(f"no_{name}", body.replace(b"order.placed", b"order.cancelled")) for name, body in orders(EVENTS)]
        assert {"cancelled"} == {cast("Receipt", one).effect for one in await desk.at_once(*cancelled)}
        assert [STOCK] * 4 == await stocks(database)


@on_every_backend
async def test_versions_of_one_product(backend_url: str) -> None:
    """Several versions of a product at once: each is decided after the one before it, and the newest stays."""
    async with open_database(backend_url) as database:
        desk = Desk(database)
        versions = [
            (f"msg_{v}", body_of("product.upserted", product(version=v, price=f"{v}.00"))) for v in (9, 1, 3, 2)
        ]
        answers = await desk.at_once(*versions, ("msg_8", body_of("product.upserted", product(version=9, price="8"))))
        effects = [one.effect if isinstance(one, Receipt) else str(one) for one in answers]
        rejected = "version 9 is already here with other content"
        assert ["created", "outdated", "outdated", "outdated", rejected] == effects


@on_every_backend
async def test_copies_at_once_are_one_event(backend_url: str) -> None:
    """One is told that it was the first, each is counted; copies that are dead are dead, and heal together."""
    async with open_database(backend_url) as database:
        desk = Desk(database)
        copies = [orders(1)[0]] * EVENTS
        assert {EventDead} == {type(one) for one in await desk.at_once(*copies)}
        await desk.at_once(*products())
        ((name, body),) = orders(2)[1:]
        answers = await desk.at_once(*[(name, body)] * EVENTS, *copies)
        assert [False] == [one.duplicate for one in answers[:EVENTS] if isinstance(one, Receipt) and not one.duplicate]
        assert [True] * EVENTS == [cast("Receipt", one).duplicate for one in answers[EVENTS:]]
        assert [STOCK - 1, STOCK - 1, STOCK, STOCK] == await stocks(database)
        attempts = {row.event_id: row.attempts for row in await inbox_of(database)}
        assert (2 * EVENTS, EVENTS) == (attempts["msg_0"], attempts["msg_1"])
        assert EVENTS - 1 + EVENTS == desk.receiver.tally["duplicate"]


@on_every_backend
async def test_two_bodies_under_one_id_at_once(backend_url: str) -> None:
    """Whichever comes first is the event, and the other is a conflict; neither counts as an attempt of the other."""
    async with open_database(backend_url) as database:
        desk = Desk(database)
        await desk.at_once(*products())
        (first, (name, body)) = orders(2)
        other = body_of("order.placed", order("B1", 500, "okra-1"))
        answers = await desk.at_once(first, (name, body), (name, other), (name, body))
        assert [Receipt, Receipt, EventConflict, Receipt] == [type(one) for one in answers]
        assert STOCK - 1 == await stock_of(database, "okra-1")
        assert [2] == [row.attempts for row in await inbox_of(database) if row.event_id == name]
        again = await desk.at_once(first, (name, other), (name, body))
        assert [Receipt, EventConflict, Receipt] == [type(one) for one in again]
        assert [3] == [row.attempts for row in await inbox_of(database) if row.event_id == name]


@on_every_server
async def test_two_processes_at_the_same_moment(backend_url: str) -> None:
    """The same events, and the same orders under other ids, by two receivers: one effect each, and all are told so."""
    async with open_database(backend_url) as one, open_database(backend_url) as other:
        desks = Desk(one), Desk(other)
        await desks[0].at_once(*products())
        under_other_ids = [(f"other_{name}", body) for name, body in orders(EVENTS)]
        answers = await asyncio.gather(
            desks[0].at_once(*orders(EVENTS), *under_other_ids), desks[1].at_once(*under_other_ids, *orders(EVENTS))
        )
        told = Counter((one.duplicate, one.effect) for both in answers for one in both if isinstance(one, Receipt))
        assert (EVENTS, EVENTS) == (told[False, "placed"], told[False, "repeated"])
        assert 2 * EVENTS == told[True, "placed"] + told[True, "repeated"]
        assert [STOCK - EVENTS // 4] * 4 == await stocks(one)
        assert [2] * 2 * EVENTS == [row.attempts for row in await inbox_of(one) if "msg_" in row.event_id]


@on_every_backend
async def test_a_bad_event_fails_alone(backend_url: str) -> None:
    """One whose statement the database refuses leaves nothing behind, and the others take effect."""
    async with open_database(backend_url) as database:
        desk = Desk(database)
        await desk.at_once(*products())
        one_less = "UPDATE products SET stock = stock - 1"
        events = [(f"msg_{n}", body_of("odd", {"statement": one_less})) for n in range(EVENTS)]
        events[7] = ("msg_bad", body_of("odd", {"statement": "UPDATE nowhere SET stock = 1"}))
        answers = await desk.at_once(*events)
        assert [7] == [number for number, one in enumerate(answers) if not isinstance(one, Receipt)]
        assert "nowhere" in str(answers[7])
        assert [STOCK - EVENTS + 1] * 4 == await stocks(database)
        assert EVENTS + 3 == len(await inbox_of(database))


@on_every_server
@pytest.mark.parametrize("number", [1213, 1205, 1180, 3101])
async def test_what_others_are_in_the_way_of_is_tried_one_by_one(
    backend_url: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch's COMMIT fails as a deadlock, a lock wait, and a group of servers make it fail: one effect each."""
    async with open_database(backend_url) as database:
        desk = Desk(database)
        await desk.at_once(*products())
        commit, commits = Connection.commit, 0

        async def fails_once(connection: Connection) -> None:
            nonlocal commits
            commits += 1
            if commits == 2:  # the first event's own is the first
                raise aiomysql.OperationalError(number, "another transaction was in the way")
            await commit(connection)

        monkeypatch.setattr(Connection, "commit", fails_once)
        assert {"placed"} == {cast("Receipt", one).effect for one in await desk.at_once(*orders(EVENTS))}
        assert 1 + 1 + EVENTS - 1 == commits
        assert [STOCK - EVENTS // 4] * 4 == await stocks(database)


@pytest.mark.parametrize(("fault", "took_effect"), [("forget", False), ("lose_answers", True)])
async def test_an_unknown_commit_is_everybodys(
    mysql_url: str, next_commit: NextCommit, fault: str, took_effect: bool
) -> None:
    """All tags of the batch are in doubt, every sender hears of it, and their next deliveries find out: one effect."""
    async with open_database(mysql_url) as direct:
        await Desk(direct).at_once(*products())
        async with behind_proxy(mysql_url) as (proxy, url), database_on(url) as database:
            desk = Desk(database)
            events = orders(EVENTS)
            await desk.at_once(products()[0])  # there is a connection
            desk.told.clear()
            next_commit.before = lambda: setattr(next_commit, "before", getattr(proxy, fault))
            answers = await desk.at_once(*events)
            assert [Receipt, *[CommitUnknown] * (EVENTS - 1)] == [type(one) for one in answers]
            ((_, first_doubtful), (tags, doubtful)) = desk.told
            assert (False, True) == (first_doubtful, doubtful)
            assert {f"product/{n}" for n in range(1, 5)} <= tags
            proxy.pass_on()
        again = await Desk(direct).at_once(*events)
        assert [took_effect] * (EVENTS - 1) == [cast("Receipt", one).duplicate for one in again[1:]]
        assert [STOCK - EVENTS // 4] * 4 == await stocks(direct)
