"""Redis Cluster: three masters with replicas. What a mechanism keeps is in one slot, and is found wherever that is."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, TryAgainError

from farmlokal.app.dependencies import redis_client
from farmlokal.app.start_line import start_line
from farmlokal.errors import RedisMisconfigured
from farmlokal.limiting.quotas import Quota
from farmlokal.limiting.redis_script import LimitKeys
from farmlokal.resilience.redis_pipe import RedisPipe
from farmlokal.resilience.redis_primary import RedisPrimary
from farmlokal.resilience.redis_scripts import Script
from tests.caching.opened_tier import TAGS
from tests.engines.racing import race
from tests.limiting.limiters import processes
from tests.servers import ServerFailed
from tests.servers.redis_groups import ClusterNode, RedisCluster, answer_of
from tests.support.cache import Origin, asked, process
from tests.support.own_servers import StartRedis
from tests.support.products import catalogue
from tests.support.redis_names import IDENTITY, KEYS
from tests.support.service import serving, settings_for
from tests.support.waiting import eventually, settle, until

pytestmark = pytest.mark.proof

WAIT_MAX_S = 5.0
NOTICED_S = 1.0
# Once a second a process asks whether Redis is back; what was not sent goes within another.
FOUND_AGAIN_S = 3.0
TAG = KEYS.notices  # a name with the hash tag of the cache
GET_BOTH = Script("return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """Six nodes."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
async def client(cluster: RedisCluster) -> AsyncIterator[Redis]:
    """A client as the service has one."""
    client = redis_client(cluster.url, WAIT_MAX_S)
    yield client
    await client.aclose()


@pytest.fixture
def primary(client: Redis) -> RedisPrimary:
    """What leads its connections to the owner of the cache's slot."""
    primary = RedisPrimary(client)
    primary.belong_to(TAG)
    return primary


@pytest.fixture
async def pipe(client: Redis, primary: RedisPrimary) -> AsyncIterator[RedisPipe]:
    """A pipe to that owner."""
    assert "" == primary.mark
    pipe = RedisPipe(client.connection_pool, wait_max_s=WAIT_MAX_S)
    yield pipe
    await pipe.close()


async def started(url: str, folder: Path) -> None:
    """Start the service, and end it."""
    async with serving(settings_for(await catalogue(folder), redis_url=url)):
        pass


async def started_with_workers(url: str, folder: Path) -> None:
    """Do what the arbiter of several workers does before it starts any."""
    await start_line(settings_for(await catalogue(folder), redis_url=url))


@pytest.mark.parametrize("start", [started, started_with_workers])
async def test_a_plain_url_is_refused_with_the_one_to_write(
    cluster: RedisCluster, tmp_path: Path, start: Callable[[str, Path], Awaitable[None]]
) -> None:
    """Redis would answer, and do nothing of ours: the start ends with the URL that names every master, which works."""
    with pytest.raises(RedisMisconfigured, match=r"must begin with redis\+cluster://") as refused:
        await start(cluster.masters[0].url(), tmp_path)
    masters = ",".join(f"127.0.0.1:{node.port}" for node in cluster.masters)
    assert f"write redis+cluster://{masters}" == refused.value.reason
    await start(refused.value.reason.removeprefix("write "), tmp_path)


async def test_processes_share_pages_and_limits(cluster: RedisCluster) -> None:
    """A page is loaded once for both processes, an invalidation reaches the other, and so does the limit."""
    async with process(cluster.url) as first, process(cluster.url) as second:
        origin = Origin()
        assert b"load 1" == (await asked(first.cache, "page", origin, tags=TAGS)).value.body
        await first.cache.settle()
        assert b"load 1" == (await asked(second.cache, "page", origin, tags=TAGS)).value.body
        await first.cache.invalidate(TAGS)
        assert await first.cache.settle()
        # Until the notice is there, the other has the old page, and calls it fresh.
        found = await eventually(
            lambda: asked(second.cache, "page", origin, tags=TAGS),
            lambda found: found.fresh and found.value.body != b"load 1",
        )
        assert b"load 2" == found.value.body
        assert await first.tier.store_hot(b"[]")
        assert b"[]" == await second.tier.hot()
        assert first.tier.primary.mark == second.tier.primary.mark != ""
    quota = Quota("default", 100, 3600)
    async with processes(2, quota, cluster.url, keep=True) as group:
        await until(lambda: {2} == {limiter.peers for limiter in group.limiters})
        assert {True} == {limiter.shared for limiter in group.limiters}
        there = LimitKeys(IDENTITY).processes
        assert 2 == answer_of(cluster.owner_of(there), "ZCARD", there)


async def test_keys_that_went_ahead_are_asked_for_where_they_are(
    cluster: RedisCluster, primary: RedisPrimary, pipe: RedisPipe
) -> None:
    """Many callers at once are sent on by ASK, each with its own answer; keys on both sides are waited for briefly."""
    home, *ahead = (f"{TAG}:{number}" for number in range(100))
    await pipe.call("SET", home, "home")
    there = cluster.another_master(TAG)
    cluster.begin_move(TAG, there)
    # A key that is nowhere yet is made at the node that is to own it.
    await asyncio.gather(*[pipe.call("SET", name, name) for name in ahead])
    assert [name.encode() for name in ahead] == await asyncio.gather(*[pipe.call("GET", name) for name in ahead])
    both, expected = (home, ahead[0]), [b"home", ahead[0].encode()]
    with pytest.raises(TryAgainError):
        await pipe.call("MGET", *both)
    reading = asyncio.create_task(pipe.call("MGET", *both))
    await settle()  # it is sent
    cluster.send_ahead(TAG, there)
    assert expected == await reading
    assert expected == await pipe.run(GET_BOTH, both, [])
    assert 0 == primary.changes  # the owner is the one that it was
    cluster.end_move(TAG, there)
    assert expected == await pipe.run(GET_BOTH, both, [])
    assert 1 == primary.changes
    assert answer_of(there, "INFO", "server")["run_id"].startswith(primary.mark)


async def test_a_slot_that_moves_makes_nothing_old_fresh(cluster: RedisCluster, own_redis: StartRedis) -> None:
    """Four processes read and write while the slot moves, a few keys at a time: what they call fresh is.

    An invalidation waits where its keys are on both nodes: for as long as the move takes, at most.
    """
    moving_s = 0.0

    async def happen() -> float:
        nonlocal moving_s
        there = cluster.another_master(TAG)
        began = time.perf_counter()
        await asyncio.to_thread(cluster.move, TAG, there, keys_max=8)
        moving_s = time.perf_counter() - began
        return time.time()

    raced = await race(cluster.url, own_redis().url(), 4, happen)
    assert raced.worst_s < NOTICED_S + moving_s + raced.machine_s
    assert raced.outcomes["redis"] > 0


async def test_an_owner_that_is_killed_is_replaced(cluster: RedisCluster, own_redis: StartRedis) -> None:
    """Every answer is given, and once a replica is the owner nothing old is called fresh, whatever was lost.

    Until then no process hears of another's writes, as wherever Redis is away.
    """

    async def happen() -> float:
        await asyncio.sleep(1)
        cluster.owner_of(TAG).kill()
        await eventually(lambda: asyncio.to_thread(_owner, cluster), lambda owner: owner is not None, 30)
        return time.time() + FOUND_AGAIN_S

    raced = await race(cluster.url, own_redis().url(), 14, happen)
    assert raced.after_s < NOTICED_S + raced.machine_s
    assert raced.after > 0
    async with process(cluster.url) as first, process(cluster.url) as second:
        origin = Origin()
        for one in (first, second):
            await eventually(one.tier.ping, bool, 30)
        await asked(first.cache, "after", origin, tags=TAGS)
        await first.cache.settle()
        assert b"load 1" == (await asked(second.cache, "after", origin, tags=TAGS)).value.body


def _owner(cluster: RedisCluster) -> ClusterNode | None:
    """The owner of the cache's slot; None while it has none."""
    with contextlib.suppress(ServerFailed, RedisError):
        return cluster.owner_of(TAG)
    return None
