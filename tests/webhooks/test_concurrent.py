"""The same event at the same moment, over several processes: one effect, and all of them are told so."""

import asyncio
from pathlib import Path

import pytest

from farmlokal.database.interface import Database, Session
from tests.support.command import operators
from tests.support.service import open_database
from tests.support.waiting import eventually
from tests.support.webhook_sender import order, product
from tests.webhooks.fleet import fleet_of
from tests.webhooks.inbox_view import inbox_of, stock_of

DELIVERIES = 100
PROCESSES = 4


async def _check_then_insert(database: Database, event_id: str, looked: asyncio.Barrier) -> None:
    """What looks right and is not: look whether the event was here, let it take effect, write it down."""

    async def work(session: Session) -> None:
        if await session.fetch("SELECT 1 FROM seen WHERE event_id = %s", (event_id,)):
            return
        await looked.wait()  # deliveries that are under way at the same moment
        await session.execute("UPDATE counter SET effects = effects + 1")
        await session.execute("INSERT INTO seen (event_id) VALUES (%s)", (event_id,))

    await database.in_transaction(work)


async def test_check_then_insert_applies_twice(mysql_url: str) -> None:
    """Without a key that lets one of them commit, concurrent deliveries all find that the event was never here."""
    looked = asyncio.Barrier(20)
    async with open_database(mysql_url, pool_size=looked.parties) as database:
        await database.run_script(
            [
                "CREATE TABLE seen (event_id VARCHAR(64) NOT NULL)",
                "CREATE TABLE counter (effects INT NOT NULL)",
                "INSERT INTO counter VALUES (0)",
            ]
        )
        await asyncio.gather(*(_check_then_insert(database, "msg_1", looked) for _ in range(looked.parties)))
        ((effects,),) = await database.fetch("SELECT effects FROM counter")
    assert looked.parties == effects


async def test_a_hundred_at_once_are_one(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """100 identical deliveries over 4 processes: every answer 2xx, one of them not a duplicate, one effect."""
    async with open_database(mysql_url) as database:
        async with fleet_of(operators(tmp_path, mysql_url, redis_url), tmp_path, PROCESSES) as fleet:
            await fleet.deliver(0, "product.upserted", product(stock=1000), "msg_stock")
            for round_number in range(3):
                event_id = f"msg_{round_number}"
                data = order(f"A{round_number}", 7)
                answers = await asyncio.gather(
                    *(fleet.deliver(number, "order.placed", data, event_id) for number in range(DELIVERIES))
                )
                assert {200} == {answer.status for answer in answers}
                assert [False] == [answer.content["duplicate"] for answer in answers if not answer.content["duplicate"]]
                assert 1000 - 7 * (round_number + 1) == await stock_of(database)
        rows = {row.event_id: row.attempts for row in await inbox_of(database)}
        assert {"msg_stock": 1, "msg_0": DELIVERIES, "msg_1": DELIVERIES, "msg_2": DELIVERIES} == rows


@pytest.mark.proof
async def test_every_process_shows_a_new_price(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """At once on the process that answered the event; on the others the old one is stale once the notice is there."""
    environment = operators(tmp_path, mysql_url, redis_url)
    async with open_database(mysql_url), fleet_of(environment, tmp_path, PROCESSES) as fleet:

        async def price_at(number: int) -> str:
            """What is shown as fresh; `stale` where it says that it is not."""
            cache_status, page = await fleet.get(number, "/products")
            price: str = page["data"][0]["price"]
            return "stale" if "; ttl=-" in cache_status else price

        async def prices() -> set[str]:
            """What all of them show."""
            return {await price_at(number) for number in range(PROCESSES)}

        await fleet.deliver(0, "product.upserted", product(version=1, price="1.00"), "msg_1")
        for version in range(2, 7):
            new = product(version=version, price=f"{version}.00")
            answer = await fleet.deliver(version, "product.upserted", new, f"msg_{version}")
            assert (200, "updated") == (answer.status, answer.content["effect"])
            # Stale it may be, for the notice of the version before may come only now.
            assert f"{version}.00" == (await fleet.get(version, "/products"))[1]["data"][0]["price"]
            await eventually(prices, {f"{version}.00", "stale"}.issuperset)
            # Who answered with what is stale loads the page anew behind it.
            await eventually(prices, {f"{version}.00"}.issuperset)
