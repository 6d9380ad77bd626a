"""The whole soak: servers, proxies, two processes of the service, weather and traffic, and the judgement at the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random

from tests.servers import RedisServer
from tests.servers.database_pairs import DATABASE, MariaDBPair
from tests.soak.judging import lost_or_doubled, until_all_show
from tests.soak.traffic import Seen, Traffic
from tests.soak.weather import Weather
from tests.support.command import operators
from tests.support.lateness import lateness
from tests.support.service import open_database
from tests.support.staleness import worst_staleness_s
from tests.support.tcp_proxy import tcp_proxy
from tests.webhooks.fleet import fleet_of

TTL_S = 4
# The stated bound where notices are lost: the fresh time with its jitter, and a second.
FRESH_MAX_S = TTL_S * 1.1 + 1
# What a sender waits for an answer, at least.
SENDER_WAITS_S = 15
_PROCESSES = 2
_SETTINGS = {
    "FARMLOKAL_CACHE_TTL_S": str(TTL_S),
    "FARMLOKAL_CACHE_STALE_S": "20",
    "FARMLOKAL_DATABASE_POOL": "6",
    "FARMLOKAL_REDIS_WAIT_MS": "300",
}


@dataclass(frozen=True)
class Report:
    """What came out. faults: what must not be; none where all is well."""

    seed: int
    seconds: float
    seen: Seen
    weather: Weather
    stale_max_s: float
    faults: list[str]

    def __str__(self) -> str:
        seen = self.seen
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s: {len(seen.reads):,} listings, {len(seen.writes):,} upserts,"
            f" {len(seen.events):,} events",
            f"oldest answer that was called fresh: {self.stale_max_s:.2f} s of at most {FRESH_MAX_S:.1f} s",
            f"slowest listing {self._slowest(seen.slowest_read)}",
            f"slowest answer to a sender {self._slowest(seen.slowest_delivery)}",
            "answers to senders: " + ", ".join(f"{status} {count:,}" for status, count in seen.statuses.most_common()),
            "weather: " + ", ".join(f"{name} {count}" for name, count in sorted(self.weather.counts.items())),
            *(f"FAULT {fault}" for fault in self.faults),
        ]
        return "\n".join(lines)

    def _slowest(self, one: tuple[float, float]) -> str:
        took_s, began = one
        return f"{took_s:.2f} s, {self.weather.before(began)}"


async def soak(seconds: float, seed: int, folder: Path) -> Report:
    """Run for so long, and judge. folder: for what the service writes.

    The seed decides the weather; of the traffic only what is drawn, for its pace is the machine's.
    """
    async with AsyncExitStack() as stack:
        pair, redises = await _started(stack)
        mysql = await stack.enter_async_context(tcp_proxy(pair.primary.port))
        redis = await stack.enter_async_context(tcp_proxy(redises[0].port))
        database = await stack.enter_async_context(open_database(pair.primary.url(DATABASE)))
        environment = operators(folder, pair.url(mysql.port), f"redis://127.0.0.1:{redis.port}/0") | _SETTINGS
        fleet = await stack.enter_async_context(fleet_of(environment, folder, _PROCESSES))
        late = await stack.enter_async_context(lateness())
        end = time.monotonic() + seconds
        traffic = Traffic(fleet, Random(seed + 1), lambda: time.monotonic() < end)
        weather = Weather(
            Random(seed),
            {"mysql": mysql, "redis": redis},
            {"mysql": _changed_over(pair), "redis": _another([one.port for one in redises])},
        )
        await traffic.begin()
        blowing = asyncio.create_task(weather.blow(seconds))
        await traffic.run()
        await blowing
        faults = await until_all_show(fleet, traffic, FRESH_MAX_S + SENDER_WAITS_S)
        await database.close()
        database = await stack.enter_async_context(open_database(pair.primary.url(DATABASE)))
        faults += await lost_or_doubled(database, traffic.seen)
        worst_s, _ = worst_staleness_s([{"writes": traffic.seen.writes, "readings": traffic.seen.readings}])
    faults += _unanswered(traffic.seen, weather)
    if worst_s > FRESH_MAX_S + late.allowed_s:
        faults.append(f"called fresh {worst_s:.2f} s after the truth")
    return Report(seed, seconds, traffic.seen, weather, worst_s, faults)


async def _started(stack: AsyncExitStack) -> tuple[MariaDBPair, list[RedisServer]]:
    servers = stack.enter_context(ExitStack())
    pair = await asyncio.to_thread(servers.enter_context, MariaDBPair())
    return pair, [servers.enter_context(RedisServer()) for _ in range(2)]


def _changed_over(pair: MariaDBPair) -> Callable[[], Awaitable[int]]:
    """Each call lets the other one take writes, and gives its port."""

    async def change_over() -> int:
        await asyncio.to_thread(pair.change_over)
        return pair.primary.port

    return change_over


def _another(ports: list[int]) -> Callable[[], Awaitable[int]]:
    """Each call gives the next of `ports`, after the first: a server that knows nothing of what the other was told."""
    turns = cycle([*ports[1:], ports[0]])

    async def lead_on() -> int:
        return next(turns)

    return lead_on


def _unanswered(seen: Seen, weather: Weather) -> list[str]:
    """Listings that failed, though the origin could be asked at all times; and senders that waited too long.

    One that met two faults on its way to the database may fail, as it may on any network.
    """
    faults = [
        f"{what}, {weather.before(ended)}"
        for began, ended, what in seen.failures
        if weather.losses("mysql", began, ended) < 2
    ]
    if seen.slowest_delivery[0] > SENDER_WAITS_S:
        faults.append(f"a sender waited {seen.slowest_delivery[0]:.1f} s")
    return faults
