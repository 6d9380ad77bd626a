"""Faults one after another under the traffic of a shop, and what readers and senders saw of each."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.engines.stands import Fault, Stand
from tests.engines.witness import Witness
from tests.soak.judging import lost_or_doubled, until_all_show
from tests.soak.traffic import TRACKED_PAGE, Seen, Traffic
from tests.support.command import operators
from tests.support.service import open_database
from tests.support.staleness import lateness_s
from tests.support.waiting import until
from tests.webhooks.fleet import Fleet, fleet_of

# Far longer than a day here lasts: nothing is old enough by itself to be no longer called fresh.
_SETTINGS = {
    "FARMLOKAL_CACHE_TTL_S": "600",
    "FARMLOKAL_STALE_S": "600",
    "FARMLOKAL_DATABASE_POOL": "6",
    "FARMLOKAL_REDIS_WAIT_MS": "300",
}
PROCESSES = 2
# What a notice takes, on a busy machine too: younger than that, nothing is called old.
NOTICED_S = 0.5
_CALM_S = 1.0
# How long is looked for pages that are called fresh and are not, once a fault is over.
_AFTER_S = 3.0
_WELL_WITHIN_S = 60.0
_SHOWN_WITHIN_S = 15.0


class Row(NamedTuple):
    """What was seen of one fault.

    lasted_s: until the engine was whole again. listings, failed: how many were asked for meanwhile and in the
    seconds after, and how many of them failed. slowest_s: the longest that one took. refused: tries of a delivery
    that were not taken. unwritten_s: the longest time without an acknowledged write. oldest_s: by how much the worst
    answer that was called fresh was late. lied_s: for how long after the end there were any.
    """

    fault: str
    lasted_s: float
    listings: int
    failed: int
    slowest_s: float
    refused: int
    unwritten_s: float
    oldest_s: float
    lied_s: float

    def __str__(self) -> str:
        return (
            f"| {self.fault} | {self.lasted_s:.1f} | {self.failed} of {self.listings} | {self.slowest_s:.1f} |"
            f" {self.refused} | {self.unwritten_s:.1f} | {self.oldest_s:.2f} | {self.lied_s:.2f} |"
        )


class Day(NamedTuple):
    """All rows of one engine. wrong: what must not be: at its end, and listings that failed without need."""

    rows: list[Row]
    wrong: list[str]


async def day(stand: Stand, folder: Path) -> Day:
    """Two processes, and every fault of the stand, each after a calm and before one."""
    async with AsyncExitStack() as stack:
        traffic, fleet = await _begun(stand, folder, stack)
        over = asyncio.Event()
        traffic.going = lambda: not over.is_set()
        witness = Witness(stand.readers or [stand.judged_url])
        running = asyncio.gather(traffic.run(), witness.watch(traffic.going))
        moments = []
        try:
            for name, fault in stand.faults.items():
                await asyncio.sleep(_CALM_S)
                began = time.monotonic()
                await asyncio.to_thread(fault.happen)
                ended = time.monotonic()
                # Two are acknowledged after the end: one more may have been on its way.
                written = len(traffic.seen.writes)
                await until(lambda written=written: len(traffic.seen.writes) >= written + 2, _WELL_WITHIN_S)  # type: ignore[misc]
                await asyncio.sleep(_AFTER_S)
                moments.append(_Moment(name, fault, began, ended, time.monotonic()))
        finally:
            over.set()
        await running
        wrong = await until_all_show(fleet, traffic, _SHOWN_WITHIN_S)
        async with open_database(stand.judged_url) as database:
            wrong += await lost_or_doubled(database, traffic.seen)
    if traffic.seen.statuses[500]:
        wrong.append(f"{traffic.seen.statuses[500]} deliveries were answered 500")
    return Day([_row(traffic.seen, moment) for moment in moments], wrong + _needless(traffic.seen, moments, witness))


async def _begun(stand: Stand, folder: Path, stack: AsyncExitStack) -> tuple[Traffic, Fleet]:
    """The processes, and the products that the traffic is about."""
    async with open_database(stand.judged_url):
        pass  # makes the schema
    further = _SETTINGS | {"FARMLOKAL_DATABASE_READERS": ",".join(stand.readers)}
    first, *others = [
        await stack.enter_async_context(
            fleet_of(operators(folder, stand.database_url(number), stand.redis_url_of(number)) | further, folder, 1)
        )
        for number in range(PROCESSES)
    ]
    fleet = Fleet([*first.ports, *(port for other in others for port in other.ports)], first.client)
    traffic = Traffic(fleet, Random(1), lambda: True)
    await traffic.begin()
    return traffic, fleet


class _Moment(NamedTuple):
    """When a fault was, in monotonic seconds: whole again, and no longer looked at."""

    name: str
    fault: Fault
    began: float
    ended: float
    looked_until: float


def _needless(seen: Seen, moments: Sequence[_Moment], witness: Witness) -> list[str]:
    """The listings that failed, but those that nobody had in memory and no server could answer.

    That is so where the fault says it, or a plain client saw it: a busy machine has faults of its own.
    """
    needless = []
    for began, ended, what in seen.failures:
        moment = next((one for one in reversed(moments) if one.began <= began), None)
        refused = ": 503 " in what and not what.startswith(TRACKED_PAGE)
        expected = moment is not None and moment.fault.unanswered
        if not refused or not (expected or not witness.any_was_well(began, ended)):
            needless.append(f"{began - moment.began:.1f} s after {moment.name}: {what}" if moment else what)
    return needless


def _row(seen: Seen, moment: _Moment) -> Row:
    name, _, began, ended, looked_until = moment

    def within(at: float) -> bool:
        return began <= at <= looked_until

    reads = [took_s for at, took_s in seen.reads if within(at) or within(at + took_s)]
    late = lateness_s([{"writes": seen.writes, "readings": seen.readings}])
    written = [began, *sorted(at for _, at, _ in seen.writes if within(at)), looked_until]
    return Row(
        name,
        lasted_s=ended - began,
        listings=len(reads),
        failed=sum(within(at) for at, _, _ in seen.failures),
        slowest_s=max(reads),
        refused=sum(within(at) and not _taken(status) for at, _, status in seen.deliveries),
        unwritten_s=max(after - before for before, after in itertools.pairwise(written)),
        oldest_s=max(late_s for at, late_s in late if within(at)),
        lied_s=max(
            (at - ended for at, late_s in late if ended < at <= looked_until and late_s > NOTICED_S), default=0.0
        ),
    )


def _taken(status: int | None) -> bool:
    """Whether the sender has to deliver no more: a 422 is kept until what it needs is there."""
    return status is not None and (status < 300 or status == 422)
