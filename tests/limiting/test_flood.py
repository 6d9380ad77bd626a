"""Two instances of four workers each, and one limit."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from farmlokal.limiting.redis_script import LimitKeys
from tests.limiting.flooding import Flood, most_within
from tests.servers.process import free_port
from tests.support.command import make_catalogue, operators, running, wait_until_ready
from tests.support.redis_names import identity_at

QUOTA, WINDOW_S = 1200, 60
FLOODER, OTHER = "127.0.0.2", "127.0.0.3"
# About twenty times what is allowed.
FLOOD_RATE = 400


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(180)
def test_two_instances_of_four_workers_hold_one_limit(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """A flood of all eight processes gets the quota within 5 % in any minute; another client is not refused."""
    environment = operators(tmp_path, mysql_url, redis_url)
    environment |= {"FARMLOKAL_RATE_LIMIT": f"default={QUOTA}/minute"}
    make_catalogue(environment)
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        for port in ports:
            arguments = ("serve", "--port", str(port), "--workers", "4")
            wait_until_ready(stack.enter_context(running(environment, tmp_path, *arguments)), port)
        flood, other = asyncio.run(flooded(ports, mysql_url, redis_url))
    admitted = flood.admitted()
    first_minute = [at for at in admitted if at - admitted[0] <= WINDOW_S]
    assert {200, 429} == set(flood.statuses)
    assert QUOTA * 0.95 <= len(first_minute), flood.statuses
    assert QUOTA * 1.05 >= most_within(admitted, WINDOW_S), flood.statuses
    assert {200} == set(other.statuses)


async def flooded(ports: list[int], mysql_url: str, redis_url: str) -> tuple[Flood, Flood]:
    """What came of a flood of a little more than a minute, and of another client's requests meanwhile."""
    processes = LimitKeys(await identity_at(mysql_url)).processes
    async with Redis.from_url(redis_url) as redis:
        async with asyncio.timeout(20):
            while await redis.zcard(processes) < 8:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.05)
    flood = Flood(ports, FLOODER, target="/products?limit=5", rate=FLOOD_RATE, connections=24)
    other = Flood(ports, OTHER, target="/categories", rate=4, connections=2)
    await asyncio.gather(flood.run(WINDOW_S + 5), other.run(WINDOW_S + 5))
    return flood, other
