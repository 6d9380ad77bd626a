"""A COMMIT whose answer never comes: the sender hears of it soon, and its next delivery finds out what became of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from farmlokal.database import mysql_connection, mysql_silence
from farmlokal.database.interface import Session
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.touching import commit_touching
from farmlokal.errors import CommitUnknown
from tests.support.backends import connect_to, database_on
from tests.support.own_servers import StartMariaDB
from tests.support.tcp_proxy import TCPProxy, tcp_proxy
from tests.support.webhook_sender import PATH, body_of, headers_for, order, product
from tests.webhooks.inbox_view import inbox_of, stock_of
from tests.webhooks.webhook_service import WebhookService, webhook_service

STOCK, QUANTITY = 100, 7
EVENT_ID = "msg_order"
# Less than the 30 s that every other statement has.
SENDER_WAITS_S = 15
TAGS = frozenset({"products"})


@asynccontextmanager
async def behind_proxy(mysql_url: str) -> AsyncIterator[tuple[TCPProxy, str]]:
    """A proxy in front of the server, and the URL of the database behind it."""
    parts = urlsplit(mysql_url)
    async with tcp_proxy(parts.port or 3306, parts.hostname or "127.0.0.1") as proxy:
        user = parts.netloc.rpartition("@")[0]
        yield proxy, parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()


def _nothing() -> None:
    pass


class NextCommit:
    """Does something at the next COMMIT, right before it is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.before: Callable[[], object] = _nothing
        commit = Connection.commit

        async def committed(connection: Connection) -> None:
            before, self.before = self.before, _nothing
            before()
            await commit(connection)

        monkeypatch.setattr(Connection, "commit", committed)


@pytest.fixture
def next_commit(monkeypatch: pytest.MonkeyPatch) -> NextCommit:
    """What happens at the next COMMIT."""
    return NextCommit(monkeypatch)


async def delivered(stand: WebhookService) -> tuple[int, str | None, bool | None]:
    """Status, Retry-After and whether it was a duplicate, of one delivery of the order."""
    body = body_of("order.placed", order("A1", QUANTITY))
    async with (
        asyncio.timeout(SENDER_WAITS_S),
        stand.client.post(PATH, data=body, headers=headers_for(EVENT_ID, body)) as response,
    ):
        content = await response.json()
        return response.status, response.headers.get("Retry-After"), content.get("duplicate")


async def redelivered(stand: WebhookService) -> bool:
    """Deliver as a sender does until it is taken in. Returns whether it was a duplicate."""
    while True:
        status, _, duplicate = await delivered(stand)
        if status == HTTPStatus.OK:
            assert duplicate is not None
            return duplicate
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("fault", "took_effect"), [("forget", False), ("lose_answers", True), ("cut", False), ("swallow", False)]
)
async def test_the_next_delivery_finds_out(
    mysql_url: str, next_commit: NextCommit, monkeypatch: pytest.MonkeyPatch, fault: str, took_effect: bool
) -> None:
    """A 503 with Retry-After; then a duplicate where the COMMIT arrived, else a first delivery: one effect in all.

    With the server out of reach too it is the COMMIT's own bound that ends the wait.
    """
    if fault == "swallow":
        monkeypatch.setattr(mysql_connection, "_COMMIT_WAIT_MAX_S", 0.5)
    async with behind_proxy(mysql_url) as (proxy, url), webhook_service(url) as stand:
        await stand.event("product.upserted", product(stock=STOCK))
        next_commit.before = getattr(proxy, fault)
        assert (503, "1", None) == await delivered(stand)
        proxy.pass_on()
        assert took_effect == await redelivered(stand)
    async with database_on(mysql_url) as database:
        assert STOCK - QUANTITY == await stock_of(database)
        assert ["done"] == [row.state for row in await inbox_of(database) if row.event_id == EVENT_ID]


async def test_what_the_server_works_on_is_waited_for(
    own_mariadb: StartMariaDB, next_commit: NextCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A COMMIT that is held up at the server for longer than the bound is answered, for the server has it."""
    monkeypatch.setattr(mysql_connection, "_COMMIT_WAIT_MAX_S", 1)
    monkeypatch.setattr(mysql_silence, "_COMMIT_PATIENCE_MAX_S", 0.2)
    server = own_mariadb()
    server.create_database("farm")
    url = server.url("farm")
    async with webhook_service(url) as stand:
        await stand.event("product.upserted", product(stock=STOCK))
        with closing(connect_to(url)) as other, other.cursor() as cursor:
            held_up = asyncio.Event()

            def hold_up() -> None:
                cursor.execute("FLUSH TABLES WITH READ LOCK")
                held_up.set()

            next_commit.before = hold_up
            delivery = asyncio.create_task(delivered(stand))
            await held_up.wait()
            await asyncio.sleep(1.5)
            assert not delivery.done()
            cursor.execute("UNLOCK TABLES")
            assert (200, None, False) == await delivery


@pytest.mark.parametrize("fault", ["forget", "lose_answers", "cut"])
async def test_what_it_touched_is_invalidated(mysql_url: str, next_commit: NextCommit, fault: str) -> None:
    """At once, and with what says when its session is gone, after which the outcome is what it is."""
    told: list[tuple[frozenset[str], asyncio.Event | None]] = []

    async def invalidate(tags: frozenset[str], *, until: asyncio.Event | None = None) -> None:
        told.append((tags, until))

    async def work(session: Session) -> tuple[int, frozenset[str]]:
        return await session.execute("UPDATE rows_written SET n = n + 1"), TAGS

    async with behind_proxy(mysql_url) as (proxy, url), database_on(url) as database, database_on(mysql_url) as direct:
        await direct.run_script(["CREATE TABLE rows_written (n INT)", "INSERT INTO rows_written VALUES (0)"])
        assert 1 == await commit_touching(database, work, invalidate)
        next_commit.before = getattr(proxy, fault)
        with pytest.raises(CommitUnknown) as raised:
            await commit_touching(database, work, invalidate)
        assert [(TAGS, None), (TAGS, raised.value.settled)] == told
        assert {"connection": 0, "commit": 1} == database.losses
        async with asyncio.timeout(SENDER_WAITS_S):
            await raised.value.settled.wait()
        ((written,),) = await direct.fetch("SELECT n FROM rows_written")
        assert (2 if fault == "lose_answers" else 1) == written
        # No lock is left behind.
        assert 1 == await direct.in_transaction(lambda session: session.execute("UPDATE rows_written SET n = 9"))
