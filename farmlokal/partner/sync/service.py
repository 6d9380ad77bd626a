"""The sync as callers see it: one run at a time across processes, which every further caller joins."""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Mapping

from farmlokal.errors import FarmLokalError, FeedInvalid, PartnerError, PartnerUnavailable, Unavailable
from farmlokal.partner.sync.run import Run, RunState
from farmlokal.partner.sync.run_store import LeaseLost, SyncRuns
from farmlokal.partner.sync.walk import Stopped, SyncWalk, retry_after_s
from farmlokal.resilience.failure_log import log_failure
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# How often a process looks at a run that another one works on.
_POLL_S = 0.5


class Sync:
    """Brings the catalogue up to date with the partner's feed.

    The work is a task of the process and not of any caller: a caller that goes away ends nothing.
    """

    def __init__(self, runs: SyncRuns, walk: SyncWalk, *, poll_s: float = _POLL_S) -> None:
        """poll_s: how often to look at a run that another process works on."""
        self.runs = runs
        self._walk = walk
        self._poll_s = poll_s
        self._name: str | None = None
        self._task: asyncio.Task[Run] | None = None
        self._failing = False  # since the last run
        self.working = False  # on a run of which this process is the holder
        self.ended: Counter[RunState] = Counter()  # the ends that this process came to

    def __repr__(self) -> str:
        return f"<Sync run={self._name} working={self._task is not None and not self._task.done()}>"

    async def run(self, *, full: bool = False, wait_max_s: float | None = None) -> Run:
        """Start a run, resume an unfinished one or join the one under way. Returns the run as it is at the end.

        full: walk the whole feed and mark gone what it does not show; a run that is joined stays as it was begun.
        wait_max_s: after so many seconds the run goes on in the background, and is returned as it is then.

        Raises PartnerError where this process asked the partner, and Unavailable when the database does not answer
        or the process stops.
        """
        if self._walk.stopping:
            raise Unavailable("the service is stopping; the sync goes on elsewhere, or when it is asked for again")
        if self._task is None or self._task.done():
            self._name = None
            self._task = asyncio.create_task(self._see_through(full=full), name="sync")
            self._task.add_done_callback(self._log_end)
        task = self._task
        await asyncio.wait({task}, timeout=wait_max_s)
        if task.done():
            return task.result()
        run = await self.runs.get(self._name) if self._name is not None else None
        if run is None:
            raise Unavailable("the sync could not begin in time: the database is slow")
        return run

    @property
    def rows(self) -> Mapping[str, int]:
        """The number of rows that this process applied, by `walk.ROW_RESULTS`."""
        return self._walk.rows

    @property
    def unknown_categories(self) -> int:
        """The number of those rows whose category is not in the list."""
        return self._walk.unknown_categories

    def interrupt(self) -> None:
        """Begin to stop; returns at once."""
        self._walk.stop()

    async def stop(self) -> None:
        """End the work in order: the batch under way is committed with its place, for the next caller to go on."""
        self.interrupt()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _see_through(self, *, full: bool) -> Run:
        """Work on the run, or wait for the process that does, until it has ended."""
        holder = f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            while True:
                run = await self.runs.claim(holder, full=full)
                self._name = run.run
                if run.holder == holder:
                    # While runs fail one after another, each would be a line for every caller that tries.
                    write = _log.debug if self._failing else _log.info
                    write("sync begins", run=run.run, full=bool(run.full_walk), pages=run.pages)
                    self.working = True
                    try:
                        run = await self._work(run)
                    finally:
                        self.working = False
                else:
                    run = await self._watch(run)
                if _is_over(run) or self._walk.stopping:
                    return run
        except Stopped:
            raise Unavailable("the service is stopping") from None

    async def _watch(self, run: Run) -> Run:
        """Returns the run once its holder is done with it, or dead."""
        while run.shown_state is RunState.RUNNING:
            await self._walk.unless_stopped(asyncio.sleep(self._poll_s))
            run = await self.runs.get(run.run) or run
        return run

    async def _work(self, run: Run) -> Run:
        """Work on a run that we hold. Returns the run as it is stored afterwards. Raises PartnerError."""
        try:
            remark = await self._walk.finish(run)
            await self.runs.end(run, RunState.DONE, error=remark)
            self.ended[RunState.DONE] += 1
        except LeaseLost:
            _log.warning("sync goes on elsewhere: this process lost its lease", run=run.run)
        except Stopped:
            await self._end(run, RunState.INTERRUPTED)
        except FeedInvalid as error:
            await self._end(run, RunState.FAILED, str(error))
        except (PartnerError, Unavailable) as error:
            passing = isinstance(error, PartnerUnavailable | Unavailable)
            state = RunState.INTERRUPTED if passing else RunState.FAILED
            await self._end(run, state, str(error), retry_after_s(error) or None)
            raise
        except Exception:
            await self._end(run, RunState.FAILED, "an unexpected error; the log has it")
            raise
        return await self.runs.get(run.run) or run

    async def _end(self, run: Run, state: RunState, error: str | None = None, retry_after_s: int | None = None) -> None:
        """Store the end. Where that fails the lease runs out by itself, and the run counts as interrupted."""
        self.ended[state] += 1
        try:
            await self.runs.end(run, state, error=error, retry_after_s=retry_after_s)
            if state is RunState.FAILED:
                await self._walk.forget(run)
        except (FarmLokalError, LeaseLost) as failure:
            log_failure(_log, "the end of a sync could not be stored", failure, run=run.run)

    def _log_end(self, task: asyncio.Task[Run]) -> None:
        """Log how the task ended; of failures that follow each other, the first."""
        error = task.exception()
        if error is None:
            self._failing = False
            run = task.result()
            _log.info("sync ended", **run.summary(run.finished_ms or run.started_ms))
        elif isinstance(error, FarmLokalError):
            write = _log.debug if self._failing else _log.warning
            write("sync failed", reason=str(error))
            self._failing = True
        else:
            _log.error("sync failed", exc_info=error)


def _is_over(run: Run) -> bool:
    """Whether `run` is a result. One whose holder died or stopped is not, but for the next holder to finish."""
    if run.shown_state is RunState.INTERRUPTED:
        return run.error is not None
    return run.shown_state is not RunState.RUNNING
