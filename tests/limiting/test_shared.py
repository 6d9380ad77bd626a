"""One limit for several processes: what they admit together, and what they are allowed to be off by."""

import asyncio
import random
import time

import pytest
from redis.asyncio import Redis

from farmlokal.limiting import shared
from farmlokal.limiting.quotas import Quota
from tests.limiting.limiters import CLIENT, processes
from tests.support.redis_names import LIMIT_KEYS
from tests.support.waiting import eventually, until

PER_SECOND = Quota("default", 100, 1)
PER_MINUTE = Quota("default", 1200, 60)
PER_HOUR = Quota("default", 100, 3600)
# Of which Redis keeps a client for three seconds.
SELDOM = Quota("default", 30, 60)
NUMBER = 4


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody take a Redis that a busy machine holds up for one that is away."""
    monkeypatch.setattr(shared, "WAIT_MAX_S", 30)


async def test_without_reconciling_each_process_admits_the_whole_limit() -> None:
    """The race that the shared limit is there for: four processes, four times the quota."""
    # One alone beside them, at the same moments: what that admits is what the machine lets anybody ask for.
    async with processes(NUMBER, PER_SECOND, None) as group, processes(1, PER_SECOND, None) as alone:
        admitted = admitted_alone = 0
        end = time.monotonic() + 1
        while time.monotonic() < end:
            admitted += group.flood()
            admitted_alone += alone.flood()
            await asyncio.sleep(0.002)
    assert admitted > 2 * admitted_alone


async def test_reconciled_processes_admit_one_limit_together(redis_url: str) -> None:
    """The same flood, reconciled: what four processes admit at first is worked off, then the limit holds."""
    async with processes(NUMBER, PER_SECOND, redis_url, keep=True) as group:
        started = time.monotonic()
        admitted = await group.flood_for(2.0)
        elapsed_s = time.monotonic() - started
    assert 5 * PER_SECOND.burst > len([at for at in admitted if at == admitted[0]])
    allowed = elapsed_s * PER_SECOND.requests + PER_SECOND.burst
    # Nobody hears of the others while Redis takes its time, and each time that it is asked it grants a burst at most.
    unheard = (NUMBER - 1) * PER_SECOND.requests * group.longest_s
    asked_for = min(allowed, group.rounds * PER_SECOND.burst)
    assert allowed * 1.05 + unheard >= len(admitted) >= asked_for * 0.5


async def test_the_overshoot_is_a_burst_per_process_and_is_worked_off(redis_url: str) -> None:
    """At worst all processes admit a whole burst before they hear of each other; nothing passes until it is repaid."""
    async with processes(NUMBER, PER_MINUTE, redis_url) as group:
        started = time.monotonic()
        admitted = group.flood()
        freed = PER_MINUTE.requests / 60 * max(1.0, time.monotonic() - started)
        assert NUMBER * PER_MINUTE.burst <= admitted <= NUMBER * PER_MINUTE.burst + freed
        await group.reconcile()
        # Those who were reconciled first did not hear of all: what they refuse now makes them ask again.
        assert group.flood() <= PER_MINUTE.requests / 60 * (time.monotonic() - started)
        # A process knows Redis's clock as well as its own by as much as the way to Redis takes.
        started = time.monotonic()
        await group.reconcile()
        unknown_s = 0.1 + time.monotonic() - started
        assert 0 == group.flood()
        debts_s = [
            limiter.quota_clients["default"].table.clients[CLIENT].tat - limiter.quota_clients["default"]._clock()
            for limiter in group.limiters
        ]
    most_s = NUMBER * PER_MINUTE.tolerance_s
    assert all(most_s / 2 < debt_s < most_s + unknown_s for debt_s in debts_s), debts_s
    assert unknown_s > max(debts_s) - min(debts_s)


async def test_any_pattern_stays_within_the_formula(redis_url: str) -> None:
    """Floods of some processes at a time: never more than rate · T + N · burst + 2 (N - 1) · rate · delay."""
    async with processes(NUMBER, PER_SECOND, redis_url, keep=True) as group:
        admitted: list[float] = []
        delay_s = group.shared[0].interval_s
        end = time.monotonic() + 2
        while (before := time.monotonic()) < end:
            for place in random.sample(range(NUMBER), random.randint(0, NUMBER)):
                admitted += [time.monotonic()] * group.flood_one(place)
            await asyncio.sleep(random.choice((0, 0, 0.01, 0.05, 0.1)))
            delay_s = max(delay_s, time.monotonic() - before)
        delay_s = max(delay_s, group.longest_s)
    burst, rate = PER_SECOND.burst, PER_SECOND.requests
    for first, start in enumerate(admitted):
        for last in range(first, len(admitted)):
            most = rate * (admitted[last] - start) + NUMBER * burst + 2 * (NUMBER - 1) * rate * (delay_s + 0.1)
            assert last - first + 1 <= most


async def test_what_one_process_admitted_the_others_know(redis_url: str) -> None:
    """A burst that one process admitted is gone in all of them once they were reconciled, whatever their clocks say."""
    async with processes(3, PER_HOUR, redis_url) as group:
        assert PER_HOUR.burst == group.flood_one(0)
        await group.reconcile()
        # Nobody told the others yet: of each the first request passes, and tells.
        assert [True, True] == [limiter.take("default", CLIENT).allowed for limiter in group.limiters[1:]]
        await group.reconcile()
        assert 0 == group.flood()
        await group.reconcile()
        waits_s = [limiter.take("default", CLIENT).reset_s for limiter in group.limiters]
    # The debt: two requests more than the burst, and the one that would be next.
    assert all(2 * 36 < wait_s <= 3 * 36 for wait_s in waits_s), waits_s


async def test_at_the_limit_each_unit_is_granted_once(redis_url: str) -> None:
    """What comes free goes to one process, not to each: the sum is that of one limiter."""
    async with processes(NUMBER, PER_SECOND, redis_url) as group:
        started = time.monotonic()
        admitted = group.flood()
        for _ in range(40):
            await group.reconcile()
            admitted += group.flood()
        elapsed_s = time.monotonic() - started
        assert all(limiter.quota_clients["default"].table.clients[CLIENT].held_until for limiter in group.limiters)
    assert admitted <= max(NUMBER * PER_SECOND.burst, elapsed_s * PER_SECOND.requests + PER_SECOND.burst) + NUMBER


async def test_a_grant_that_nobody_uses_goes_back(redis_url: str) -> None:
    """A client that stays away leaves nothing behind: later its whole burst is there again, once."""
    async with processes(2, PER_SECOND, redis_url, keep=True) as group:
        await group.flood_for(0.3)
        quotas = [limiter.quota_clients["default"] for limiter in group.limiters]
        await asyncio.sleep(1.5)  # a whole burst comes back
        await until(lambda: [(0, [])] * 2 == [(one.table.clients[CLIENT].granted, one.queue) for one in quotas])
        started = time.monotonic()
        more = group.flood_one(0) - PER_SECOND.burst
        assert 0 <= more <= PER_SECOND.requests * (time.monotonic() - started)


async def test_a_lone_process_shares_with_nobody_and_loses_nothing(redis_url: str) -> None:
    """One process with Redis decides as one without."""
    async with processes(1, PER_HOUR, redis_url) as group:
        assert 1 == group.limiters[0].peers
        assert PER_HOUR.burst == group.flood()
        for _ in range(3):
            await group.reconcile()
            assert 0 == group.flood()


async def test_who_keeps_to_the_headers_is_not_refused_by_any_process(redis_url: str) -> None:
    """A client that asks one process after the other, as fast as it is told it may, sees no 429."""
    async with processes(NUMBER, PER_MINUTE, redis_url, keep=True) as group:
        end = time.monotonic() + 2
        answers = 0
        while time.monotonic() < end:
            verdict = random.choice(group.limiters).take("default", CLIENT)
            assert verdict.allowed, (answers, verdict)
            answers += 1
            await asyncio.sleep(0.001 if verdict.remaining else verdict.reset_s)
    assert answers > 5


async def test_what_redis_keeps_expires_by_itself(redis_url: str) -> None:
    """A second after its burst is back a client has left Redis; so has a process that is gone."""
    async with processes(2, SELDOM, redis_url) as group, Redis.from_url(redis_url) as redis:
        for number in range(1000):
            group.limiters[0].take("default", f"client {number}")
        await group.reconcile()
        assert 1001 == await redis.dbsize()
        life_ms = await redis.pttl(LIMIT_KEYS.arrival(SELDOM, "client 7"))
        assert 0 < life_ms <= 1000 + SELDOM.tolerance_s * 1000
        # Redis counts what has expired until it comes upon it.
        await eventually(redis.dbsize, lambda keys: keys == 1)


async def test_it_ends_whenever_it_is_told_to(redis_url: str) -> None:
    """Cancelled at any moment of a reconciling, also where the Redis client swallows the cancellation."""
    async with processes(1, PER_SECOND, redis_url) as group:
        for _ in range(80):
            task = asyncio.create_task(group.shared[0].keep())
            end = time.monotonic() + random.uniform(0, 0.03)
            while time.monotonic() < end:
                group.flood()
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=10)
            assert {task} == done


@pytest.mark.parametrize("rubbish", ["-1", "rubbish", "1e300", str(10**17)])
async def test_rubbish_in_redis_locks_nobody_out(redis_url: str, rubbish: str) -> None:
    """A value that is none of ours, or from a clock that went back, costs a client some seconds at most."""
    async with processes(1, PER_SECOND, redis_url) as group, Redis.from_url(redis_url) as redis:
        await redis.set(LIMIT_KEYS.arrival(PER_SECOND, CLIENT), rubbish)
        group.flood()
        assert await group.shared[0].reconcile()
        await asyncio.sleep(0.2)
        assert await group.shared[0].reconcile()
        assert group.limiters[0].take("default", CLIENT).reset_s <= 2


async def test_a_value_of_another_type_is_taken_over(redis_url: str) -> None:
    """So is a key that holds no text."""
    async with processes(1, PER_SECOND, redis_url) as group, Redis.from_url(redis_url) as redis:
        await redis.sadd(LIMIT_KEYS.arrival(PER_SECOND, CLIENT), "member")
        group.flood()
        assert await group.shared[0].reconcile()
