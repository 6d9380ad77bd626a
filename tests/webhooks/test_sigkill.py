"""A server that dies while it handles an event: the sender tries again, and there is one effect."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from tests.servers.process import free_port
from tests.support.command import developers, operators
from tests.support.service import open_database
from tests.support.waiting import eventually
from tests.support.webhook_sender import PATH, SECRET, body_of, headers_for, order, post, product
from tests.webhooks.dying_server import FATAL_ID, STEPS
from tests.webhooks.fleet import Fleet, fleet_of, wait_until_ready
from tests.webhooks.inbox_view import inbox_of, stock_of

ROOT = Path(__file__).parents[2]
STOCK = 1000
QUANTITY = 7
# The other steps are proofs.
_QUICK = ("before-commit",)


@asynccontextmanager
async def dying(environment: dict[str, str], client: ClientSession, step: str) -> AsyncIterator[str]:
    """The URL of a server that dies at `step`; checks at the end that it did."""
    port = free_port()
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "tests.webhooks.dying_server", str(port), step],
        env=environment | {"FARMLOKAL_WEBHOOK_SECRETS": SECRET, "FARMLOKAL_LOG_LEVEL": "error"},
        cwd=ROOT,
    )
    try:
        await wait_until_ready(client, port)
        yield f"http://127.0.0.1:{port}"
        assert -signal.SIGKILL == process.wait(60), step
    finally:
        process.kill()
        process.wait()


async def fatal_delivery(client: ClientSession, url: str, event_id: str, data: object) -> None:
    """Deliver an event to a server that dies of it."""
    body = body_of("order.placed", data)
    with pytest.raises(ClientError):
        await post(client, body, headers_for(event_id, body), url=url + PATH)


async def shown(fleet: Fleet, number: int) -> tuple[int, bool]:
    """The stock that one process shows, and whether as fresh."""
    cache_status, page = await fleet.get(number, "/products")
    return page["data"][0]["stock"], "; ttl=-" not in cache_status


async def until_shown(fleet: Fleet, number: int, expected: tuple[int, bool]) -> None:
    """Wait until the process shows that: a notice that comes late makes it load its page once more."""
    async with asyncio.timeout(20):
        while await shown(fleet, number) != expected:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "step", [step if step in _QUICK else pytest.param(step, marks=pytest.mark.proof) for step in STEPS]
)
async def test_a_killed_server_leaves_one_effect(tmp_path: Path, mysql_url: str, redis_url: str, step: str) -> None:
    """On MariaDB and Redis, with two survivors that have the old page in memory: neither serves it as fresh."""
    environment = operators(tmp_path, mysql_url, redis_url)
    async with open_database(mysql_url) as database, fleet_of(environment, tmp_path, 2) as survivors:
        await survivors.deliver(0, "product.upserted", product(stock=STOCK), "msg_stock")
        for number in range(2):
            await until_shown(survivors, number, (STOCK, True))
        data = order("A1", QUANTITY)
        async with dying(environment, survivors.client, step) as url:
            await fatal_delivery(survivors.client, url, FATAL_ID, data)
        answer = await survivors.deliver(0, "order.placed", data, FATAL_ID)
        assert (200, STEPS[step][1]) == (answer.status, answer.content["duplicate"])
        # Stale it may be, for the dead one's notice may come only now.
        assert STOCK - QUANTITY == (await shown(survivors, 0))[0]
        await until_shown(survivors, 0, (STOCK - QUANTITY, True))
        # The stated 100 ms, on a machine that may be busy; sooner than the page's time would be over.
        await eventually(lambda: shown(survivors, 1), lambda found: found != (STOCK, True))
        assert STOCK - QUANTITY == await stock_of(database)
        rows = [(row.event_id, row.state) for row in await inbox_of(database)]
        assert [(FATAL_ID, "done"), ("msg_stock", "done")] == rows


@pytest.mark.proof
@pytest.mark.parametrize("step", STEPS)
async def test_a_killed_batch_leaves_one_effect_each(tmp_path: Path, mysql_url: str, redis_url: str, step: str) -> None:
    """Events that share the transaction of the fatal one are there with it or not at all; then all are, once each."""
    environment = operators(tmp_path, mysql_url, redis_url)
    events = {FATAL_ID if number == 3 else f"msg_{number}": order(f"A{number}", QUANTITY) for number in range(8)}
    async with open_database(mysql_url) as database, fleet_of(environment, tmp_path, 1) as survivors:
        await survivors.deliver(0, "product.upserted", product(stock=STOCK), "msg_stock")
        async with dying(environment, survivors.client, step) as url:
            bodies = {event_id: body_of("order.placed", data) for event_id, data in events.items()}
            await asyncio.gather(
                *(
                    post(survivors.client, body, headers_for(event_id, body), url=url + PATH)
                    for event_id, body in bodies.items()
                ),
                return_exceptions=True,
            )
        there = {row.event_id for row in await inbox_of(database)} - {"msg_stock"}
        # A batch before the fatal event's may be what it died with.
        assert STEPS[step][1] or FATAL_ID not in there
        assert STOCK - QUANTITY * len(there) == await stock_of(database)
        for event_id, data in events.items():
            answer = await survivors.deliver(0, "order.placed", data, event_id)
            assert (200, event_id in there) == (answer.status, answer.content["duplicate"])
        assert STOCK - QUANTITY * len(events) == await stock_of(database)


@pytest.mark.proof
async def test_a_killed_server_on_an_embedded_catalogue(tmp_path: Path) -> None:
    """On SQLite the server that comes next finds either everything of the event or nothing."""
    environment = developers(tmp_path)
    url = environment["FARMLOKAL_DATABASE_URL"]
    async with open_database(url) as database, fleet_of(environment, tmp_path, 1) as survivors:
        await survivors.deliver(0, "product.upserted", product(stock=STOCK), "msg_stock")
        for number, (step, (_, committed)) in enumerate(STEPS.items(), start=1):
            event_id, data = f"{FATAL_ID}_{number}", order(f"A{number}", QUANTITY)
            async with dying(environment, survivors.client, step) as dying_url:
                await fatal_delivery(survivors.client, dying_url, event_id, data)
            assert STOCK - QUANTITY * (number - (not committed)) == await stock_of(database), step
            answer = await survivors.deliver(0, "order.placed", data, event_id)
            assert (200, committed) == (answer.status, answer.content["duplicate"]), step
            assert STOCK - QUANTITY * number == await stock_of(database), step
