"""A freshness oracle: whatever keeps copies of our pages gives nobody one that is older than we say.

A writer changes a price again and again, and writes down when; each page shows the number of the write that it knows.
What docs/clients.md says of each cache is held against what it does here.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Iterable
from pathlib import Path

import pytest

from tests.clients import habits
from tests.clients.asking import GZIP, KEEPS_EVERYTHING, NODE_CLIENTS, PYTHON_CLIENTS, askers
from tests.clients.browsing import browse
from tests.clients.habits import Lives
from tests.clients.origin import FIRST, Truth, lose_the_database, origin
from tests.clients.packages import NPM, PYPI
from tests.clients.table import Row, rows
from tests.servers.cache_proxies import CACHE_PROXIES
from tests.servers.programs import find_program
from tests.support.lateness import lateness

pytestmark = pytest.mark.proof

EVERY = (*CACHE_PROXIES, *PYTHON_CLIENTS, *NODE_CLIENTS)
# What is fresh lives by its time alone: nobody hears of a write, which is the worst that there is.
WRITE_EVERY_S = 0.25
RUN_S = 15.0


def target_of(name: str) -> str:
    """A page for each cache, with the first product on top."""
    return f"/products?sort=name&limit={20 + EVERY.index(name)}"


@pytest.mark.parametrize("lives", [Lives(3, 0), Lives(3, 4)], ids=["fresh", "fresh or stale"])
async def test_no_page_is_older_than_the_bound(tmp_path: Path, lives: Lives) -> None:
    """A lifetime, its jitter, and a second for caches that count in whole ones; then the stale time, if any."""
    async with (
        origin(tmp_path, cache_ttl_s=lives.ttl_s, stale_s=lives.stale_s) as behind,
        askers(behind.service.port, tmp_path) as every,
        lateness() as late,
    ):
        writing = asyncio.create_task(behind.truth.write_on(behind.database, WRITE_EVERY_S))
        until_s, pause_s = time.monotonic() + RUN_S, lives.ttl_s * 1.2
        browsing = (
            browse(asker, target_of(name), behind, until_s=until_s, pause_s=pause_s, seed=name)
            for name, asker in every.items()
        )
        seen = dict(zip(every, await asyncio.gather(*browsing), strict=True))
        writing.cancel()
    assert {} == {name: browsed.faults for name, browsed in seen.items() if browsed.faults}
    assert [] == [name for name in CACHE_PROXIES if not seen[name].not_modified]
    late_s = {name: max(behind.truth.late_s(*sight) for sight in browsed.sights) for name, browsed in seen.items()}
    bound_s = lives.fresh_max_s + lives.stale_s
    # From when the service answered to when the cache had the answer: no longer than the longest that it gave.
    allowed_s = {name: bound_s + browsed.slowest_s + late.max_s for name, browsed in seen.items()}
    # The one that goes by nothing shows that this test can fail.
    assert [KEEPS_EVERYTHING] == [name for name in seen if late_s[name] > allowed_s[name]], (late_s, allowed_s)


def test_the_oracle_sees_what_is_late() -> None:
    """A page that shows the write before the last is as late as the last one is old; one that shows it is not."""
    truth = Truth()
    truth.committed_s += [10.0, 12.0]
    sights = [(FIRST, 12.5), (FIRST, 11.0), (FIRST + 1, 20.0), (FIRST - 1, 12.5)]
    assert [0.5, 0.0, 0.0, 2.5] == [truth.late_s(*sight) for sight in sights]


async def test_what_each_does_with_codings_and_old_copies(tmp_path: Path) -> None:
    """As the table says: forms kept apart or not, its own 304s, and a copy whose time is over asked about or not."""
    lives = habits.OF_COPIES
    async with (
        origin(tmp_path, cache_ttl_s=lives.ttl_s, stale_s=lives.stale_s) as behind,
        askers(behind.service.port, tmp_path) as every,
    ):
        codings = await each(habits.codings(asker, target_of(name)) for name, asker in every.items())
        same = await each(habits.not_modified(asker, target_of(name), behind) for name, asker in every.items())
        over = await each(habits.over(asker, target_of(name), behind, lives) for name, asker in every.items())
    compare(codings=codings, not_modified=same, over=over)


@pytest.mark.parametrize("column", ["failing", "away"])
async def test_how_far_each_bridges_an_outage(tmp_path: Path, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the table says: a service that answers 503, having no copy itself, and one that is not there at all."""
    lives = habits.OF_OUTAGES
    async with (
        origin(tmp_path, cache_ttl_s=lives.ttl_s, stale_s=lives.stale_s, l1_bytes=0) as behind,
        askers(behind.service.port, tmp_path) as every,
    ):
        primed = await asyncio.gather(*(asker.get(target_of(name), GZIP) for name, asker in every.items()))
        assert {200} == {reading.status for reading in primed}
        if column == "failing":
            lose_the_database(monkeypatch)
        else:
            await behind.go_away()
        seen = await each(
            habits.bridges(asker, target_of(name), reading, lives)
            for (name, asker), reading in zip(every.items(), primed, strict=True)
        )
    compare(**{column: seen})


async def each(seeing: Iterable[Awaitable[str]]) -> dict[str, str]:
    """What is seen of each cache, by its name; of all at once."""
    return dict(zip(EVERY, await asyncio.gather(*seeing), strict=True))


def compare(**columns: dict[str, str]) -> None:
    """Hold columns of the table against what was seen, of each cache in the version that the table names."""
    table = rows()
    assert list(EVERY) == [row.name for row in table]
    others = [row.name for row in table if not is_here(row)]
    for column, seen in columns.items():
        told = {row.name: getattr(row, column) for row in table}
        assert told | dict.fromkeys(others) == seen | dict.fromkeys(others), column
    if others:
        pytest.skip(f"docs/clients.md speaks of other versions of {', '.join(others)} than this machine has")


def is_here(row: Row) -> bool:
    """Whether the version that a row names is the one that was asked."""
    pinned = (PYPI | NPM).get(row.name.removesuffix(" as it comes"))
    if pinned is not None:
        return pinned == row.version
    program = find_program(CACHE_PROXIES[row.name].name)
    assert program is not None
    return re.search(rf"(?<![\d.]){re.escape(row.version)}(?!\d)", program.version) is not None
