"""However many clients come, a process keeps track of so many, and forgets those whom it is no loss to forget."""

import asyncio
import gc
from pathlib import Path

import pytest
from redis.asyncio import Redis

from farmlokal.limiting.clients import ClientTable
from farmlokal.limiting.limiter import CLIENTS_MAX, RateLimiter
from farmlokal.limiting.quotas import Quota
from tests.limiting.limiters import processes
from tests.support.clock import StillClock
from tests.support.waiting import until

QUOTA = Quota("default", 1200, 60)
CLIENTS = 1_000_000
# A client, its name and its places in two tables; measured: about 350 bytes.
BYTES_PER_CLIENT_MAX = 600


def resident_bytes() -> int:
    """The memory that this process has."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * 4096


def test_a_million_clients_are_a_bounded_number() -> None:
    """A million clients that each ask once: a tenth of them are known at any time, in no more memory than for these."""
    limiter = RateLimiter([QUOTA])
    gc.collect()
    before_bytes = resident_bytes()
    for number in range(CLIENTS):
        assert limiter.take("default", f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64").allowed
    assert CLIENTS_MAX == limiter.clients
    assert CLIENTS_MAX * BYTES_PER_CLIENT_MAX > resident_bytes() - before_bytes


def test_a_client_at_work_is_not_forgotten_for_newcomers() -> None:
    """While others come and go, who has used up its burst stays refused."""
    clock = StillClock(1_000_000.0)
    limiter = RateLimiter([QUOTA], clients_max=100, clock=clock)
    while limiter.take("default", "busy").allowed:
        pass
    for number in range(2_000):
        clock.now_s += 0.001
        limiter.take("default", f"client {number}")
        if number % 10 == 0:
            limiter.take("default", "busy")
    assert "busy" in limiter.quota_clients["default"].table.clients
    assert 100 == limiter.clients


def test_where_all_are_at_work_the_one_least_at_work_is_forgotten() -> None:
    """Of the few that are looked at, the one whose use lies longest in the past; the table does not grow."""
    table = ClientTable(3)
    for client, tat in (("a", 30.0), ("b", 10.0), ("c", 20.0)):
        table.track(client, 0.0, queued=True).tat = tat
    table.track("d", 5.0, queued=True).tat = 40.0
    assert {"a", "c", "d"} == set(table.clients)
    assert "<ClientTable 3 of 3>" == repr(table)


@pytest.mark.proof
async def test_a_million_clients_leave_redis_again(redis_url: str) -> None:
    """Shared, a million clients wait in no queue, and Redis holds those of the last seconds only."""
    async with processes(1, QUOTA, redis_url, keep=True) as group, Redis.from_url(redis_url) as redis:
        limiter = group.limiters[0]
        waiting = limiter.quota_clients["default"]
        most_keys = most_queued = 0
        for number in range(CLIENTS):
            limiter.take("default", f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64")
            if number % 100 == 0:
                await asyncio.sleep(0.002)
                most_queued = max(most_queued, len(waiting.queue))
            if number % 20_000 == 0:
                most_keys = max(most_keys, await redis.dbsize())
        await until(lambda: limiter.shared)
        assert CLIENTS_MAX == limiter.clients
        assert CLIENTS / 4 > max(most_keys, most_queued), (most_keys, most_queued)
        async with asyncio.timeout(20):
            while await redis.dbsize() > 1:  # noqa: ASYNC110 - Redis expires them
                await asyncio.sleep(0.1)
        assert [] == waiting.queue
