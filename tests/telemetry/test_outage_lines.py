"""The log while dependencies are down and requests go on: one line per change of state, none per request."""

import asyncio
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from tests.support.command import make_catalogue, operators
from tests.support.logged_process import LoggedProcess, logged_process
from tests.support.own_servers import StartMariaDB, StartRedis
from tests.support.partner import TOKEN, partner_stand
from tests.support.webhook_sender import SECRET, deliver, product

API_KEY = "a-key-for-times-of-trouble"
LEFT_ALONE = "the partner is left alone for a while"
ROUNDS = 25

numbers = count(1)


async def some_of_everything(client: ClientSession) -> Counter[int]:
    """Requests of every kind that needs a dependency, none like another; how often each status was answered."""
    statuses: Counter[int] = Counter()
    for _ in range(ROUNDS):
        number = next(numbers)
        for method, target in (
            ("GET", "/products"),
            ("GET", f"/products?min_price={number}"),
            ("GET", f"/products/{number}"),
            ("GET", "/categories"),
            ("GET", "/auth/token"),
            ("POST", "/external/sync"),
        ):
            async with client.request(method, target, headers={"X-API-Key": API_KEY}) as answer:
                statuses[answer.status] += 1
                await answer.read()
        delivered = await deliver(client, "product.upserted", product(f"delivered-{number}"))
        statuses[delivered.status] += 1
    return statuses


def said(service: LoggedProcess, **fields: Any) -> list[str]:
    """The events of the lines that have `fields`, in order."""
    return [line["event"] for line in service.lines if fields.items() <= line.items()]


@pytest.mark.proof
@pytest.mark.timeout(150)
async def test_a_dependency_that_dies_is_one_line_and_its_return_another(
    tmp_path: Path, own_mariadb: StartMariaDB, own_redis: StartRedis
) -> None:
    """MariaDB, then Redis, then the partner is killed under requests of every kind; each outage is two lines."""
    database, redis = own_mariadb(), own_redis()
    database.create_database("farmlokal")
    async with partner_stand() as partner:
        variables = operators(tmp_path, database.url("farmlokal"), redis.url()) | {
            "FARMLOKAL_RATE_LIMIT": "default=100000/minute,token=100000/minute",
            "FARMLOKAL_API_KEYS": API_KEY,
            "FARMLOKAL_WEBHOOK_SECRETS": SECRET,
            "FARMLOKAL_OAUTH_TOKEN_URL": f"{partner.url}/oauth/token",
            "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
            "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "FARMLOKAL_PARTNER_URL": partner.url,
        }
        await asyncio.to_thread(make_catalogue, variables)
        async with (
            logged_process(variables, tmp_path, "--workers", "1") as service,
            ClientSession(service.url) as client,
        ):
            assert 200 in await some_of_everything(client)

            await asyncio.to_thread(database.kill)
            away = await some_of_everything(client)
            assert away[503] > 3 * ROUNDS
            await asyncio.to_thread(database.start)
            await asyncio.sleep(1.1)
            await some_of_everything(client)
            await service.until_logged("the database is back")

            await asyncio.to_thread(redis.kill)
            without_redis = await some_of_everything(client)
            assert not without_redis[500] + without_redis[503]
            await asyncio.to_thread(redis.start)
            await asyncio.sleep(1.1)
            await some_of_everything(client)
            await service.until_logged("redis is back")

            for number, fault in enumerate(({"kind": "refuse"}, {"kind": "status", "route": TOKEN}), start=1):
                await asyncio.sleep(1.1)  # a token that has just replaced another is not replaced
                partner.fault(fault)
                # The tokens are bad as well, so that a new one is asked for where the partner is there to say so.
                partner.partner.credentials.revoke_all()
                async with asyncio.timeout(30):
                    while len(said(service, event=LEFT_ALONE)) < number:
                        assert (await some_of_everything(client))[503] >= ROUNDS
                await some_of_everything(client)
                partner.fault()
                await asyncio.sleep(5.1)
                await some_of_everything(client)
                await service.until_logged("the partner answers again", number)

    lines = service.lines
    assert not [line for line in lines if line["level"] in ("error", "critical")]
    told = Counter(line["event"] for line in lines if line["level"] == "warning")
    # One for each outage, and each time that a row of syncs begins to fail.
    assert {
        "the database is away: answering from what is cached": 1,
        "redis is away: answering from memory and the origin": 1,
        "the rate limit holds per process: Redis is away": 1,
        LEFT_ALONE: 2,
        "there is no token": 1,
        "sync failed": 3,
    } == told
    assert ["the database is away: answering from what is cached", "the database is back"] == said(
        service, dependency="database"
    )
    assert 2 == len(said(service, event="the partner answers again"))
    assert 1 == len(said(service, event="the token is renewed again"))


@pytest.mark.proof
async def test_a_database_that_takes_no_writes_is_one_line(tmp_path: Path, own_mariadb: StartMariaDB) -> None:
    """Read-only, as while another server takes over: pages are served, deliveries come again, two lines are said."""
    database = own_mariadb()
    database.create_database("farmlokal")
    # The tests' own user may write to a read-only server; the service's may not.
    for statement in ("CREATE USER farmer IDENTIFIED BY 'a-farmers-password'", "GRANT ALL ON farmlokal.* TO farmer"):
        database.execute(statement)
    url = f"mysql://farmer:a-farmers-password@127.0.0.1:{database.port}/farmlokal"
    variables = operators(tmp_path, url, "") | {"FARMLOKAL_WEBHOOK_SECRETS": SECRET}
    await asyncio.to_thread(make_catalogue, variables)
    async with logged_process(variables, tmp_path, "--workers", "1") as service, ClientSession(service.url) as client:
        assert 200 == (await deliver(client, "product.upserted", product("first"))).status
        database.execute("SET GLOBAL read_only = ON")
        refused = [await deliver(client, "product.upserted", product(f"new-{number}")) for number in range(20)]
        async with client.get("/products?limit=9") as page:
            assert 200 == page.status
        database.execute("SET GLOBAL read_only = OFF")
        await asyncio.sleep(1.1)
        assert 200 == (await deliver(client, "product.upserted", product("last"))).status
    assert {503} == {answer.status for answer in refused}
    assert ["the database refuses writes", "the database takes writes again"] == said(service, dependency="database")
    assert 1 == len([line for line in service.lines if line["level"] != "info"])
