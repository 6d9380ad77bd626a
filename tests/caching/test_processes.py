"""Several processes and one Redis: one load for all of them, also where one of them dies or hangs."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from farmlokal.caching.second_tier import LEASE_MS
from tests.caching.workers import workers
from tests.servers.freezing import freeze, thaw
from tests.support.lateness import lateness
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS

CALLERS = 2500
UNGUARDED_CALLERS = 100
PROCESSES = 4
# On a busy machine a wait of 100 ms for Redis may pass for reasons of our own.
PATIENT_S = 5.0


def total(answers: list[dict[str, Any]]) -> Counter[str]:
    """The outcomes of all."""
    return sum((Counter(answer["outcomes"]) for answer in answers), Counter())


def bodies(answers: list[dict[str, Any]]) -> set[str]:
    """What the callers got."""
    return {body for answer in answers for body in answer["bodies"]}


async def test_ten_thousand_callers_in_four_processes(redis_url: str, own_redis: StartRedis) -> None:
    """All callers of one cold key load it where nothing guards them; with single-flight and the lease one of all."""
    origin_url = own_redis("--maxclients", "20000").url()
    async with workers(PROCESSES, redis_url, origin_url, wait_max_s=PATIENT_S) as group:
        await group.origin.mset({"value:hot": "row", "delay_s": "0.2"})
        answers = await group.ask_all("get", key="hot", callers=UNGUARDED_CALLERS, guarded=False)
        assert (PROCESSES * UNGUARDED_CALLERS, {"row"}) == (await group.loads(), bodies(answers))
        await group.origin.delete("loads")
        answers = await group.ask_all("get", key="hot", callers=CALLERS)
        assert (1, {"row"}) == (await group.loads(), bodies(answers))
        # A process that was slow to start finds it in Redis already.
        assert PROCESSES * CALLERS == total(answers)["miss"] + total(answers)["redis"]


async def test_without_a_lease_each_process_loads(redis_url: str, own_redis: StartRedis) -> None:
    """With single-flight alone, all callers of one cold key are one load in each process."""
    async with workers(PROCESSES, redis_url, own_redis().url(), wait_max_s=PATIENT_S, tier="unleased") as group:
        await group.origin.mset({"value:hot": "row", "hold": "1"})
        asked = asyncio.ensure_future(group.ask_all("get", key="hot", callers=CALLERS))
        await group.until_loads(PROCESSES)
        await group.origin.delete("hold")
        assert (PROCESSES, {"row"}) == (await group.loads(), bodies(await asked))


async def test_followers_in_other_processes_are_woken(redis_url: str, own_redis: StartRedis) -> None:
    """When the load lands the others have it long before they would look by themselves."""
    async with workers(2, redis_url, own_redis().url(), wait_max_s=PATIENT_S) as group:
        waited = []
        for number in range(10):
            await group.origin.set("hold", "1")
            leader = group.workers[0].begin("get", key=f"key {number}")
            await group.until_loads(number + 1)
            follower = await group.follower(group.workers[1], f"key {number}")
            await group.origin.delete("hold")
            await leader
            started = time.perf_counter()
            assert {"miss": 1} == (await follower)["outcomes"]
            waited.append(time.perf_counter() - started)
        assert sorted(waited)[5] < 0.1
        assert 10 == await group.loads()


async def test_a_slow_load_stays_the_only_one(redis_url: str, own_redis: StartRedis) -> None:
    """A living process keeps its lease for longer than the lease time, by renewing it."""
    async with workers(2, redis_url, own_redis().url(), wait_max_s=PATIENT_S) as group:
        leader, other = group.workers
        await group.origin.mset({"value:slow": "row", "hold": "1"})
        led = leader.begin("get", key="slow", callers=10)
        await group.until_loads(1)
        followed = await group.follower(other, "slow", callers=10)
        await asyncio.sleep(LEASE_MS / 1000 * 1.5)
        await group.origin.delete("hold")
        assert (1, {"miss": 20}) == (await group.loads(), total([await led, await followed]))


async def test_a_killed_leader_delays_the_others_by_the_lease_time(redis_url: str, own_redis: StartRedis) -> None:
    """The process with the lease dies by SIGKILL during its load: one of the others takes over."""
    async with workers(3, redis_url, own_redis().url(), wait_max_s=PATIENT_S) as group:
        await group.origin.mset({"value:key": "row", "hold": "1"})
        dead, *others = group.workers
        dead.begin("get", key="key")
        await group.until_loads(1)
        async with lateness() as late:
            waiting = [worker.begin("get", key="key", callers=100) for worker in others]
            for worker in others:
                while (await worker.ask("state"))["tasks"] < 100:
                    pass
            await dead.kill()
            await group.origin.delete("hold")
            answers = await asyncio.gather(*waiting)
        assert (2, {"miss": 200}) == (await group.loads(), total(answers))
        assert max(answer["took_s"] for answer in answers) < LEASE_MS / 1000 + 1 + late.allowed_s, late


@pytest.mark.parametrize(("tier", "kept"), [("unfenced", b"old"), ("", b"new")], ids=["without the fence", "with it"])
async def test_a_late_write_is_refused(redis_url: str, own_redis: StartRedis, tier: str, kept: bytes) -> None:
    """A process that was taken for dead comes back with what it loaded long ago: it is not written over the new."""
    async with (
        workers(2, redis_url, own_redis().url(), wait_max_s=PATIENT_S, tier=tier) as group,
        Redis.from_url(redis_url) as redis,
    ):
        await group.origin.mset({"value:key": "old", "hold": "1"})
        stopped, other = group.workers
        late = stopped.begin("get", key="key")
        await group.until_loads(1)
        freeze(stopped.pid)
        await group.origin.set("value:key", "new")
        await group.origin.delete("hold")
        async with lateness() as machine:
            answer = await other.ask("get", key="key")
        await other.ask("settle")
        assert ["new"] == answer["bodies"]
        assert answer["took_s"] < LEASE_MS / 1000 + 1 + machine.allowed_s, machine
        thaw(stopped.pid)
        await late
        await stopped.ask("settle")
        stored = await redis.getrange(KEYS.entry("key"), -3, -1)
        assert kept == stored
