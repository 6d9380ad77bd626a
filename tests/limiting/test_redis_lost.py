"""Redis away: the limit goes on per process, and everybody can see that it does."""

import asyncio

from redis import Redis

from farmlokal.limiting.quotas import Quota
from tests.limiting.limiters import CLIENT, Processes, processes
from tests.servers.process import free_port
from tests.support.log_lines import at_level, logged
from tests.support.own_servers import StartRedis
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import until

PER_HOUR = Quota("default", 100, 3600)
PER_SECOND = Quota("default", 100, 1)


async def until_shared(group: Processes, shared: bool) -> None:
    """Wait until all processes say so."""
    async with asyncio.timeout(20):
        while {shared} != {limiter.shared for limiter in group.limiters}:  # noqa: ASYNC110 - in the background
            await asyncio.sleep(0.01)


async def test_lost_and_back(own_redis: StartRedis) -> None:
    """Lost: each process limits by itself. Back: they share again. One line in the log for each change."""
    redis = own_redis()
    with logged() as events:
        async with processes(2, PER_HOUR, redis.url(), keep=True) as group:
            await until_shared(group, True)
            assert {2} == {limiter.peers for limiter in group.limiters}
            redis.kill()
            await until_shared(group, False)
            assert {1} == {limiter.peers for limiter in group.limiters}
            assert [PER_HOUR.burst] * 2 == [group.flood_one(place) for place in range(2)]
            redis.start()
            await until_shared(group, True)
            # A Redis that comes back empty knows of nobody, and neither process forgot.
            assert 0 == group.flood()
    told = [(event["log_level"], event["event"]) for event in at_level(events, "info", "warning", "error")]
    lost, back = "the rate limit holds per process: Redis is away", "the rate limit is shared again"
    assert [("info", back)] * 2 + [("warning", lost)] * 2 == sorted(told)


async def test_a_redis_that_hangs_holds_nobody_up(own_redis: StartRedis) -> None:
    """Decisions are made as before, and what waits to be told does not grow."""
    redis = own_redis()
    async with processes(1, PER_SECOND, redis.url(), keep=True) as group:
        await until_shared(group, True)
        redis.pause()
        for round_number in range(400):
            for number in range(50):
                assert group.limiters[0].take("default", f"client {round_number} {number}").allowed
            if not group.limiters[0].shared:
                break
            await asyncio.sleep(0.01)
        await until_shared(group, False)
        await until(lambda: group.limiters[0].quota_clients["default"].queue == [])
        redis.resume()
        await until_shared(group, True)


async def test_a_redis_that_was_never_there(own_redis: StartRedis) -> None:
    """A process starts, and limits, without it."""
    redis = own_redis()
    redis.kill()
    async with processes(1, PER_HOUR, redis.url(), keep=True) as group:
        await until_shared(group, False)
        assert PER_HOUR.burst == group.flood()
        assert not group.limiters[0].take("default", CLIENT).allowed


async def test_a_redis_that_refuses_writes_shares_nothing(own_redis: StartRedis) -> None:
    """A full Redis is as good as none."""
    redis = own_redis("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    async with processes(1, PER_HOUR, redis.url(), keep=True) as group:
        await until_shared(group, False)
        assert PER_HOUR.burst == group.flood()


async def test_a_demoted_redis_is_left(own_redis: StartRedis) -> None:
    """A replica refuses the script: the limit is shared again as soon as the name leads to the new primary."""
    first, second = own_redis(), own_redis()
    with logged() as events:
        async with (
            tcp_proxy(first.port) as proxy,
            processes(2, PER_HOUR, f"redis://127.0.0.1:{proxy.port}/0", keep=True) as group,
        ):
            await until_shared(group, True)
            with Redis.from_url(first.url()) as redis:
                redis.replicaof("127.0.0.1", str(free_port()))
            await until_shared(group, False)
            proxy.redirect(("127.0.0.1", second.port))
            await until_shared(group, True)
            with Redis.from_url(first.url()) as redis:
                assert 1 == len(redis.client_list())
    assert {"the server is a replica"} == {event["reason"] for event in at_level(events, "warning")}
