"""Thousands of orders, shuffled, sent twice, while the database restarts: the stock is the arithmetic."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.command import operators
from tests.support.own_servers import StartMariaDB
from tests.support.service import open_database
from tests.support.webhook_sender import order, product
from tests.webhooks.fleet import Fleet, fleet_of
from tests.webhooks.inbox_view import inbox_of, stock_of

PRODUCTS = 5
STOCK = 1_000_000
PROCESSES = 4
_AT_ONCE = 32


class Sent(NamedTuple):
    """One delivery that the sender has to make."""

    event_id: str
    type: str
    data: dict[str, Any]


def storm(events: int, seed: int) -> tuple[list[Sent], dict[str, int]]:
    """`events` order events as deliveries in any order, and the stock of each product at the end.

    A third of the orders are cancelled. A fifth of the events are delivered twice, a tenth a second time under a new
    id.
    """
    draw = random.Random(seed)
    stock = {f"okra-{number}": STOCK for number in range(PRODUCTS)}
    sent: list[Sent] = []
    for number in range(events * 3 // 4):
        data = order(f"A{number}", draw.randint(1, 9), draw.choice(list(stock)))
        sent.append(Sent(f"msg_placed_{number}", "order.placed", data))
        if number % 3 == 0:
            sent.append(Sent(f"msg_cancelled_{number}", "order.cancelled", data))
        else:
            stock[data["external_id"]] -= data["quantity"]
    again = draw.sample(sent, len(sent) // 5)
    renamed = [one._replace(event_id=f"{one.event_id}_new") for one in draw.sample(sent, len(sent) // 10)]
    deliveries = sent + again + renamed
    draw.shuffle(deliveries)
    return deliveries, stock


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


@pytest.mark.timeout(90)
async def test_a_small_storm(tmp_path: Path, own_mariadb: StartMariaDB, redis_url: str) -> None:
    """400 events over 4 processes, the database restarted in the middle."""
    await _weather(tmp_path, own_mariadb, redis_url, 400)


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_a_storm(tmp_path: Path, own_mariadb: StartMariaDB, redis_url: str) -> None:
    """10,000 events over 4 processes, the database restarted in the middle."""
    await _weather(tmp_path, own_mariadb, redis_url, 10_000)
