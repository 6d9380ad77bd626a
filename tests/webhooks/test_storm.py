"""Thousands of orders, shuffled, sent twice, while the database restarts: the stock is the arithmetic."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.support.command import operators
from tests.support.order_storm import STOCK, Sent, storm
from tests.support.own_servers import StartMariaDB
from tests.support.service import open_database
from tests.support.webhook_sender import product
from tests.webhooks.fleet import Fleet, fleet_of
from tests.webhooks.inbox_view import inbox_of, stock_of

PROCESSES = 4
_AT_ONCE = 32


async def _send(fleet: Fleet, deliveries: list[Sent], half: asyncio.Event) -> int:
    """Make every delivery, `half` being set in the middle; how many were answered."""
    left = iter(enumerate(deliveries))
    answered = 0

    async def sender() -> None:
        nonlocal answered
        for number, one in left:
            await fleet.deliver(number, one.type, one.data, one.event_id)
            answered += 1
            if answered == len(deliveries) // 2:
                half.set()

    await asyncio.gather(*(sender() for _ in range(_AT_ONCE)))
    return answered


async def _weather(folder: Path, own_mariadb: StartMariaDB, redis_url: str, events: int) -> None:
    server = own_mariadb()
    server.create_database("storm")
    url = server.url("storm")
    deliveries, expected = storm(events, seed=events)
    async with open_database(url) as database:
        async with fleet_of(operators(folder, url, redis_url), folder, PROCESSES) as fleet:
            for name in expected:
                await fleet.deliver(0, "product.upserted", product(name, stock=STOCK), f"msg_{name}")
            half = asyncio.Event()
            sending = asyncio.create_task(_send(fleet, deliveries, half))
            await half.wait()
            await asyncio.to_thread(server.restart)
            assert not sending.done()
            assert len(deliveries) == await sending
        assert expected == {name: await stock_of(database, name) for name in expected}
        states = Counter((row.state, row.effect) for row in await inbox_of(database) if row.type.startswith("order."))
    placed = events * 3 // 4
    assert (placed, (placed + 2) // 3) == (states["done", "placed"], states["done", "cancelled"])
    assert {"done"} == {state for state, _ in states}


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_a_storm(tmp_path: Path, own_mariadb: StartMariaDB, redis_url: str) -> None:
    """10,000 events over 4 processes, the database restarted in the middle."""
    await _weather(tmp_path, own_mariadb, redis_url, 10_000)
