"""Sentinel: a master with two replicas, found by whoever watches them."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmlokal.errors import RedisMisconfigured, Unavailable
from tests.caching.opened_tier import TAGS, opened
from tests.engines.racing import race
from tests.servers.redis_groups import SentinelGroup, answer_of
from tests.support.cache import Origin, asked, process
from tests.support.own_servers import StartRedis
from tests.support.products import catalogue
from tests.support.service import serving, settings_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.proof

# Sentinels are asked once a second, and a notice takes its time.
FOLLOWED_S = 2.0
# Thirty seconds more than it takes: for so long a Sentinel that was held up itself does nothing.
FAILOVER_MAX_S = 60


@pytest.fixture(scope="module")
def group() -> Iterator[SentinelGroup]:
    """Three servers, three Sentinels."""
    with SentinelGroup() as group:
        yield group


async def test_a_plain_url_at_a_sentinel_is_refused(group: SentinelGroup, tmp_path: Path) -> None:
    """The start ends with the form of the URL to write."""
    sentinel = group.sentinels[0]
    with pytest.raises(RedisMisconfigured, match=r"must begin with redis\+sentinel://") as refused:
        async with serving(settings_for(await catalogue(tmp_path), redis_url=sentinel.url().removesuffix("/0"))):
            pass
    assert f"write redis+sentinel://127.0.0.1:{sentinel.port}/NAME" == refused.value.reason


async def test_a_name_that_no_sentinel_knows_is_told(group: SentinelGroup) -> None:
    """Redis counts as away, for that reason."""
    async with opened(group.url.replace("/farm", "/barn"), own_url=group.master().url()) as at:
        for _ in range(3):
            assert await at.entry() is None
        with pytest.raises(Unavailable, match="the Sentinels know no master of that name"):
            await at.tier.check()


async def test_a_planned_failover_makes_nothing_old_fresh(group: SentinelGroup, own_redis: StartRedis) -> None:
    """The old master is one for ten seconds more, and answers as before: it is left once the Sentinels name the new."""
    old = group.master()
    still_master = False

    async def happen() -> float:
        nonlocal still_master
        await asyncio.sleep(1)
        group.fail_over()
        await eventually(lambda: asyncio.to_thread(group.master), lambda master: master is not old, FAILOVER_MAX_S)
        await asyncio.sleep(FOLLOWED_S)
        still_master = answer_of(old, "ROLE")[0] == "master"
        return time.time()

    raced = await race(group.url, own_redis().url(), 7, happen)
    assert still_master
    assert raced.worst_s < FOLLOWED_S + raced.machine_s
    assert raced.outcomes["redis"] > 0


async def test_a_killed_master_is_replaced(group: SentinelGroup) -> None:
    """Once a replica is the master, processes share what they load again, without anybody doing anything."""
    async with process(group.url) as first, process(group.url) as second:
        origin = Origin()
        await asked(first.cache, "before", origin, tags=TAGS)
        old = group.master()
        old.kill()
        await eventually(lambda: asyncio.to_thread(group.master), lambda master: master is not old, FAILOVER_MAX_S)
        for one in (first, second):
            await eventually(one.tier.ping, bool, FAILOVER_MAX_S)
        await asked(first.cache, "after", origin, tags=TAGS)
        await first.cache.settle()
        loads = origin.loads
        found = await eventually(lambda: asked(second.cache, "after", origin, tags=TAGS), lambda found: found.fresh)
        assert f"load {loads}".encode() == found.value.body
        assert first.tier.primary.mark == second.tier.primary.mark
