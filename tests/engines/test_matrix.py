"""What has to hold wherever the service runs, on every engine: two instances, their partner, and what they share."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from random import Random
from typing import NamedTuple

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.engines.every_stand import EVERY_STAND
from tests.engines.stands import Stand
from tests.limiting.flooding import Flood
from tests.partner.synced_rows import assert_equals_seed
from tests.servers.process import free_port
from tests.soak.judging import until_all_show
from tests.soak.traffic import Traffic
from tests.support.command import operators, running, wait_until_ready
from tests.support.lateness import lateness
from tests.support.order_storm import STOCK, storm
from tests.support.partner_process import PartnerProcess, partner_process
from tests.support.service import open_database
from tests.support.staleness import worst_staleness_s
from tests.support.webhook_sender import SECRET, product
from tests.webhooks.fleet import Fleet
from tests.webhooks.inbox_view import inbox_of, stock_of

INSTANCES = 2
PARTNERS_PRODUCTS = 1_000
CALLERS = 200
EVENTS, AT_ONCE = 500, 16
KEYS = {name: f"a-key-of-{name}-in-the-tests" for name in ("callers", "flooder")}
# Requests a minute for tokens. A burst is 4 % of them; between two that are granted later there are so many seconds.
QUOTA = 3_000
BURST, EVERY_S = QUOTA * 4 // 100, 60 / QUOTA
FLOOD_S = 6
# By how much two processes may be late to tell each other what they admitted.
_TOLD_S = 0.5
# What a notice takes, on a busy machine too.
NOTICED_S = 0.5
TRAFFIC_S = 4


class Shop(NamedTuple):
    """The engine, the ports of the instances, and the partner."""

    stand: Stand
    ports: list[int]
    partner: PartnerProcess


@pytest.fixture(scope="module", params=EVERY_STAND)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two instances on the engine, with an empty catalogue."""
    folder = tmp_path_factory.mktemp("shop")
    with ExitStack() as started:
        stand: Stand = started.enter_context(request.param())
        asyncio.run(make_schema(stand))
        partner = started.enter_context(partner_process(folder, PARTNERS_PRODUCTS))
        ports = []
        for number in range(INSTANCES):
            variables = partner.environment(folder, "") | operators(folder, stand.database_url(number), stand.redis_url)
            variables |= {
                "FARMLOKAL_WEBHOOK_SECRETS": SECRET,
                "FARMLOKAL_API_KEYS": ",".join(KEYS.values()),
                "FARMLOKAL_RATE_LIMIT": f"default=1000000/minute,token={QUOTA}/minute",
                "FARMLOKAL_CACHE_TTL_S": "600",
                "FARMLOKAL_LOG_LEVEL": "error",
            }
            ports.append(free_port())
            arguments = ("serve", "--port", str(ports[-1]), "--workers", "1")
            wait_until_ready(started.enter_context(running(variables, folder, *arguments)), ports[-1])
        yield Shop(stand, ports, partner)


async def make_schema(stand: Stand) -> None:
    """Make the schema where the engine takes it."""
    async with open_database(stand.judged_url):
        pass


@pytest.fixture
async def fleet(shop: Shop) -> AsyncIterator[Fleet]:
    """The instances, and a client of them."""
    async with ClientSession(timeout=ClientTimeout(total=60), connector=TCPConnector(limit=0)) as client:
        yield Fleet(shop.ports, client)


async def test_one_token_for_all(shop: Shop, fleet: Fleet) -> None:
    """Many ask both instances for a token that neither has: the partner is asked for one."""

    async def ask(number: int) -> str:
        headers = {"X-API-Key": KEYS["callers"]}
        async with fleet.client.get(fleet.url(number) + "/auth/token", headers=headers) as response:
            content = await response.json()
            return str(content.get("access_token", content))

    slow = {"kind": "latency", "route": "POST /oauth/token", "latency_s": 0.3}
    shop.partner.control("faults", {"faults": [slow], "seed": 1})
    tokens = set(await asyncio.gather(*(ask(number) for number in range(BURST))))
    shop.partner.control("faults", {"faults": [], "seed": 1})
    assert 1 == len(tokens), tokens
    assert 1 == shop.partner.control("stats")["requests"]["POST /oauth/token"]


async def test_two_that_sync_share_one_run(shop: Shop, fleet: Fleet) -> None:
    """Both instances are asked at once: one run, each page fetched once, and every field of every product is there."""

    async def sync(number: int) -> dict[str, object]:
        headers = {"X-API-Key": KEYS["callers"]}
        async with fleet.client.post(fleet.url(number) + "/external/sync", headers=headers) as response:
            told: dict[str, object] = await response.json()
            return told

    # So that the run lasts until the other instance has been asked, too.
    slow = {"kind": "latency", "route": "GET /products", "latency_s": 1.5}
    shop.partner.control("faults", {"faults": [slow], "seed": 1})
    first, second = await asyncio.gather(sync(0), sync(1))
    shop.partner.control("faults", {"faults": [], "seed": 1})
    assert (first["run"], "done") == (second["run"], second["state"])
    assert PARTNERS_PRODUCTS // 500 == shop.partner.control("stats")["requests"]["GET /products"]
    async with open_database(shop.stand.judged_url) as database:
        await assert_equals_seed(database, PARTNERS_PRODUCTS, {})


async def test_one_load_for_all(fleet: Fleet) -> None:
    """Hundreds ask both instances for a page that nobody has asked for: one of them loads it."""

    async def ask(number: int) -> str:
        cache_status, _ = await fleet.get(number, "/products?category=milk&sort=price&limit=100")
        return cache_status

    statuses = Counter(await asyncio.gather(*(ask(number) for number in range(INSTANCES * CALLERS))))
    assert 1 == statuses["farmlokal; fwd=miss; stored"], statuses


async def test_one_limit_for_all(shop: Shop) -> None:
    """A flood of both instances is granted what one limit grants, and the stated overshoot."""
    flood = Flood(
        shop.ports,
        "127.0.0.1",
        target="/auth/token",
        rate=300,
        connections=8,
        headers=f"X-API-Key: {KEYS['flooder']}\r\n",
    )
    await flood.run(FLOOD_S)
    admitted = flood.admitted()
    lasted_s = admitted[-1] - admitted[0]
    granted = lasted_s / EVERY_S
    assert {200, 429} == set(flood.statuses)
    overshoot = 2 * (INSTANCES - 1) * _TOLD_S / EVERY_S
    assert granted * 0.9 <= len(admitted) <= granted + INSTANCES * BURST + overshoot, flood.statuses


async def test_each_event_has_one_effect(shop: Shop, fleet: Fleet) -> None:
    """500 events in any order, many of them twice or under two ids, by both instances: the stock is the arithmetic."""
    sent, expected = storm(EVENTS, seed=EVENTS, prefix="matrix_")
    for name in expected:
        await fleet.deliver(0, "product.upserted", product(name, stock=STOCK), f"msg_{name}")
    left = iter(enumerate(sent))

    async def sender() -> None:
        for number, one in left:
            await fleet.deliver(number, one.type, one.data, one.event_id)

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    async with open_database(shop.stand.judged_url) as database:
        assert expected == {name: await stock_of(database, name) for name in expected}
        rows = [row for row in await inbox_of(database) if row.event_id.startswith("matrix_")]
    assert {one.event_id for one in sent} == {row.event_id for row in rows}
    assert {"done"} == {row.state for row in rows}


async def test_nothing_old_is_called_fresh(shop: Shop, fleet: Fleet) -> None:
    """While both instances are written to and read, what is called fresh has every write of half a second ago."""
    loop = asyncio.get_running_loop()
    end = loop.time() + TRAFFIC_S
    traffic = Traffic(fleet, Random(2), lambda: loop.time() < end)
    async with lateness() as late:
        await traffic.begin()
        await traffic.run()
    assert [] == traffic.seen.failures
    assert [] == await until_all_show(fleet, traffic, 15)
    worst_s, answers = worst_staleness_s([{"writes": traffic.seen.writes, "readings": traffic.seen.readings}])
    assert answers > 0
    assert worst_s < NOTICED_S + late.allowed_s
