"""One run at a time, decided in the database: joins, dead holders, late holders, resumption, and an orderly end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from farmlokal.app.syncing import CatalogueSink
from farmlokal.errors import PartnerFailed, PartnerUnavailable, Unavailable
from farmlokal.partner.sync.run import Run, RunState
from farmlokal.partner.sync.run_store import LeaseLost, SyncRuns
from farmlokal.partner.sync.service import Sync
from tests.partner.feed_server import pages_of, row, rows
from tests.partner.syncing import SOURCE, Syncing, counts, syncing
from tests.support.backends import on_every_backend
from tests.support.service import open_database

pytestmark = on_every_backend
PROCESSES = 8


@pytest.fixture
async def sync(backend_url: str) -> AsyncIterator[Syncing]:
    """A feed of 2,500 rows in five pages, and an empty catalogue."""
    async with syncing(backend_url) as sync:
        sync.server.pages = pages_of(rows(2500))
        yield sync


class Death(BaseException):
    """Stands for the death of a process: nothing that would end a run in order gets to see it."""


class DieAfter:
    """For `on_page`: death after so many pages of one process's work."""

    def __init__(self, pages: int) -> None:
        self.left = pages

    def __call__(self, _: Run) -> None:
        """Told of a page."""
        self.left -= 1
        if not self.left:
            raise Death


def stopping_after(sync: Syncing, pages: int) -> Sync:
    """A sync in a process that begins to stop after so many pages."""
    stops: list[Sync] = []
    stops.append(sync.another(on_page=lambda run: stops[0].interrupt() if run.pages == pages else None))
    return stops[0]


async def end_the_lease(sync: Syncing) -> None:
    """Let the time pass that a dead holder is waited for."""
    await sync.database.run_script(["UPDATE sync_runs SET lease_until = 0"])


def walked_on(sync: Syncing) -> bool:
    """Whether all five pages were asked for, and none again save two that were fetched ahead when a run ended."""
    again = Counter(sync.server.walked.values())
    return again[1] + again[2] == len(sync.server.walked) == 5 and again[2] <= 2


async def test_many_who_ask_at_once_share_one_run(
    sync: Syncing, backend_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight processes that ask at once get the result of one run, and the feed is walked once."""
    claim, claims = SyncRuns.claim, 0

    async def counted(runs: SyncRuns, holder: str, *, full: bool) -> Run:
        nonlocal claims
        run = await claim(runs, holder, full=full)
        claims += 1
        if claims == PROCESSES:
            sync.server.open.set()
        return run

    monkeypatch.setattr(SyncRuns, "claim", counted)
    sync.server.open.clear()  # until the last has asked, the first is at it
    async with AsyncExitStack() as stack:
        others = []
        for _ in range(PROCESSES):
            database = await stack.enter_async_context(open_database(backend_url, pool_size=1))
            others.append(Syncing(sync.server, database, sync.fetch).another())
        runs = await asyncio.gather(*(one.run() for one in others))
    assert 1 == len({run.run for run in runs})
    assert [{"fetched": 2500, "created": 2500, "pages": 5}] * PROCESSES == [counts(run) for run in runs]
    assert {1} == set(sync.server.walked.values())


async def test_callers_in_one_process_share_one_run(sync: Syncing) -> None:
    """Within a process too, also where one of them asks for another kind and one does not wait."""
    one = sync.another()
    sync.server.open.clear()
    waiting = asyncio.gather(one.run(), one.run(full=True))
    await sync.server.first_asked.wait()
    under_way = await one.run(wait_max_s=0)
    sync.server.open.set()
    runs = [under_way, *await waiting]
    assert 1 == len({run.run for run in runs})
    assert {0} == {run.full_walk for run in runs}
    assert {1} == set(sync.server.walked.values())


async def test_caller_that_leaves_ends_nothing(sync: Syncing) -> None:
    """A caller is cancelled, the run goes on, and the next caller joins it."""
    one = sync.another()
    caller = asyncio.create_task(one.run())
    await sync.server.first_asked.wait()
    caller.cancel()
    run = await one.run()
    assert {"fetched": 2500, "created": 2500, "pages": 5} == counts(run)


@pytest.mark.parametrize("full", [False, True])
async def test_dead_holders_run_goes_on_where_it_stood(sync: Syncing, full: bool) -> None:
    """Once its lease is over a dead process's run is finished by the next one from its place, with exact counts."""
    with pytest.raises(Death):
        await sync(full=full, on_page=DieAfter(2))
    await end_the_lease(sync)
    run = await sync(full=full)
    assert {"fetched": 2500, "created": 2500, "pages": 5} == counts(run)
    assert walked_on(sync)
    assert 2500 == len(await sync.live())
    assert "*" in sync.tags.seen  # the dead one may have told nobody of its last page


async def test_living_holder_is_waited_for(sync: Syncing) -> None:
    """Until the lease of a dead process is over others wait for it; then one of them takes its run over."""
    with pytest.raises(Death):
        await sync(on_page=DieAfter(2))
    await end_the_lease(sync)
    runs = SyncRuns(sync.database, SOURCE, lease_s=3)
    started = asyncio.get_running_loop().time()
    dead = await runs.claim("dead", full=False)
    assert RunState.RUNNING == dead.shown_state
    run = await sync()
    assert 1.9 <= asyncio.get_running_loop().time() - started  # a lease is of whole seconds
    assert (dead.run, {"fetched": 2500, "created": 2500, "pages": 5}) == (run.run, counts(run))


async def test_late_holder_changes_nothing(sync: Syncing) -> None:
    """A process that lost its lease while it stood still can neither store a place nor end the run."""
    runs = SyncRuns(sync.database, SOURCE, lease_s=0)
    late = await runs.claim("late", full=False)
    present = await runs.claim("present", full=False)
    assert (late.run, "present") == (present.run, present.holder)
    with pytest.raises(LeaseLost):
        await runs.beat(late)
    with pytest.raises(LeaseLost):
        await runs.end(late, RunState.FAILED)
    with pytest.raises(LeaseLost):
        await sync.walk(runs).finish(late)
    assert set() == await sync.live()
    await runs.beat(present)


async def test_late_holder_joins_the_new_one(sync: Syncing) -> None:
    """A process that finds its lease lost rolls its page back, waits for the new holder, and returns its result."""
    thief = sync.another()
    stolen: list[asyncio.Task[Run]] = []

    def steal(_: Run) -> None:
        if not stolen:
            stolen.append(asyncio.create_task(take_over()))

    async def take_over() -> Run:
        await sync.database.run_script(["UPDATE sync_runs SET lease_until = 0"])
        return await thief.run()

    run = await sync(on_page=steal)
    assert run == await stolen[0]
    assert {"fetched": 2500, "created": 2500, "pages": 5} == counts(run)


async def test_full_run_takes_an_interrupted_ones_place(sync: Syncing) -> None:
    """An incremental run that nobody works on is given up for a full one; a full one is finished by either."""
    with pytest.raises(Death):
        await sync(on_page=DieAfter(2))
    await end_the_lease(sync)
    with pytest.raises(Death):
        await sync(full=True, on_page=DieAfter(2))
    states = await sync.database.fetch("SELECT full_walk, state, error FROM sync_runs ORDER BY id")
    assert (0, "failed", "was interrupted, and a full sync took its place") == states[0]
    await end_the_lease(sync)
    run = await sync()
    assert (1, {"fetched": 2500, "created": 1500, "unchanged": 1000, "pages": 5}) == (run.full_walk, counts(run))


async def test_stopping_keeps_the_place(sync: Syncing) -> None:
    """A process that stops ends after the batch under way; callers get the run as interrupted, the next finishes it."""
    one = stopping_after(sync, pages=3)
    run = await one.run()
    assert (RunState.INTERRUPTED, None, 3) == (run.shown_state, run.error, run.pages)
    with pytest.raises(Unavailable):
        await one.run()
    assert {"fetched": 2500, "created": 2500, "pages": 5} == counts(await sync())
    assert walked_on(sync)


async def test_stopping_does_not_wait_for_a_hanging_partner(sync: Syncing) -> None:
    """A fetch under way is given up at once, and its page is fetched again by the next run."""
    sync.server.pause_s = 60
    one = sync.another()
    asking = asyncio.create_task(one.run())
    await sync.server.first_asked.wait()
    async with asyncio.timeout(20):
        await one.stop()
    assert RunState.INTERRUPTED == (await asking).shown_state
    sync.server.pause_s = 0
    assert 2500 == (await sync()).created


async def test_joiner_finishes_what_a_stopped_process_left(sync: Syncing, backend_url: str) -> None:
    """Whoever waits for a run whose process stops goes on with it."""
    one = stopping_after(sync, pages=3)
    async with open_database(backend_url) as database:
        first, second = await asyncio.gather(one.run(), Syncing(sync.server, database, sync.fetch).another().run())
    assert first.run == second.run
    assert {"fetched": 2500, "created": 2500, "pages": 5} == counts(second)


async def test_outage_on_the_way_is_outlived(sync: Syncing) -> None:
    """A run that has come some way asks again, and no row is counted twice."""
    sync.server.fault = lambda number: 503 if 3 <= number <= 5 else None
    run = await sync(patience_s=60)
    assert {"fetched": 2500, "created": 2500, "pages": 5} == counts(run)


async def test_outage_at_the_start_is_the_callers_answer(sync: Syncing) -> None:
    """Without any page the partner's fault goes to the caller at once; the next call goes on with the run."""
    sync.server.fault = lambda number: 503 if number == 1 else None
    with pytest.raises(PartnerUnavailable):
        await sync(patience_s=60)
    ((state, error),) = await sync.database.fetch("SELECT state, error FROM sync_runs")
    assert ("interrupted", "the partner answers 503") == (state, error)
    assert 2500 == (await sync()).created


async def test_refused_page_token_is_not_kept(sync: Syncing) -> None:
    """A partner that no longer knows our place ends the run, and the next one starts from the beginning."""
    sync.server.fault = lambda number: 400 if number == 3 else None
    with pytest.raises(PartnerFailed):
        await sync(patience_s=60)
    ((state,),) = await sync.database.fetch("SELECT state FROM sync_runs")
    assert "failed" == state
    assert {"fetched": 2500, "created": 1500, "unchanged": 1000, "pages": 5} == counts(await sync())


async def test_fault_of_ours_is_not_kept_for_ever(sync: Syncing) -> None:
    """An unexpected error ends the run as failed, so that the next one starts anew."""

    def fail(_: Run) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await sync(full=True, on_page=fail)
    ((state, error),) = await sync.database.fetch("SELECT state, error FROM sync_runs")
    assert ("failed", "an unexpected error; the log has it") == (state, error)
    assert [] == await sync.database.fetch("SELECT run FROM sightings LIMIT 1")


class Died(Exception):
    """The end of a process, as far as its run goes."""


class DiesBeforeTheBurial(CatalogueSink):
    """A catalogue whose process dies when everything was read and nothing is marked gone yet."""

    async def bury_unseen(self, sighting: str, *, before_ms: int) -> int:
        """Die."""
        raise Died


async def test_burial_is_resumed(sync: Syncing) -> None:
    """A full run that dies between its walk and its end marks gone what it did not see, and nothing that it saw."""
    sync.server.pages = pages_of([row("leaves")])
    await sync()
    await sync.database.run_script(
        [f"UPDATE products SET updated_at = '{sync.database.dialect.time_in('2026-11-21T10:15:00Z')}'"]
    )
    sync.server.pages = pages_of(rows(2500))
    runs = sync.runs()
    with pytest.raises(Died):
        await sync.walk(runs, DiesBeforeTheBurial).finish(await runs.claim("dies", full=True))
    await end_the_lease(sync)
    run = await sync()
    assert (1, 1, 2500) == (run.full_walk, run.deleted, run.created)
    assert ("partner", "leaves") not in await sync.live()


async def test_old_runs_are_forgotten(sync: Syncing) -> None:
    """A hundred runs are kept, and the last one that was done however long ago that is."""
    sync.server.pages = pages_of(rows(1))
    done = await sync()
    runs = SyncRuns(sync.database, SOURCE)
    for number in range(105):
        await runs.end(await runs.claim(str(number), full=False), RunState.FAILED, error="whatever")
    assert 101 == (await sync.database.fetch("SELECT COUNT(*) FROM sync_runs"))[0][0]
    assert done.as_of == (await runs.claim("next", full=False)).updated_since


async def test_burial_is_not_repeated_without_its_sightings(sync: Syncing) -> None:
    """A full run that dies between its burial and its end takes nothing that it saw, of which it knows no more."""
    await sync()
    an_hour_ago = sync.database.dialect.time_in("2026-11-21T10:15:00Z")
    await sync.database.run_script([f"UPDATE products SET updated_at = '{an_hour_ago}'"])
    runs = sync.runs()
    await sync.walk(runs).finish(await runs.claim("dies", full=True))
    assert [] == await sync.database.fetch("SELECT run FROM sightings LIMIT 1")
    await end_the_lease(sync)
    assert {"fetched": 2500, "unchanged": 2500, "pages": 5} == counts(await sync())
    assert 2500 == len(await sync.live())
