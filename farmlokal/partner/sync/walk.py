"""The walk along the feed: page by page into the catalogue, the place stored together with each page's rows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from farmlokal.database.interface import Session
from farmlokal.errors import FarmLokalError, PartnerError, PartnerFailed, PartnerUnavailable, Unavailable
from farmlokal.partner.sync.feed import FetchPage, Page, WalkGuard, page_query, parse_page
from farmlokal.partner.sync.page_ahead import PageAhead
from farmlokal.partner.sync.run import BURIED, PageResult, Run
from farmlokal.partner.sync.run_store import LeaseLost, SyncRuns
from farmlokal.resilience.backoff import Backoff
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)
T = TypeVar("T")

# A run that has come some way outlives an outage of the partner or the database of this length.
PATIENCE_S = 60.0
_HEARTBEATS_PER_LEASE = 4
# What becomes of the rows of a feed, as a run counts it.
ROW_RESULTS = ("created", "updated", "unchanged", "outdated", "deleted", "rejected")


class FeedSink(Protocol):
    """Where the rows go: the catalogue, of which this package knows nothing."""

    async def read(self, rows: Sequence[object]) -> Any:
        """Returns what `prepare` takes of a page's rows: without effect, and two pages ahead of their turn."""
        ...

    async def prepare(self, rows: Any) -> Any:
        """Returns what `apply` takes of a page: while the page before it is written, without effect on any product.

        Raises Unavailable.
        """
        ...

    async def apply(
        self, rows: Any, *, sighting: str | None, place: Callable[[Session, PageResult], Awaitable[None]]
    ) -> PageResult:
        """Apply `rows` in one transaction and call `place` in it. sighting: name of a run that remembers its rows."""
        ...

    async def resume(self) -> None:
        """Resume a run whose last page another process committed, and may not have invalidated any more."""
        ...

    async def bury_unseen(self, sighting: str, *, before_ms: int) -> int:
        """Mark gone what the run `sighting`, begun at `before_ms` (Unix ms), did not meet; returns how many rows."""
        ...

    async def forget(self, sighting: str) -> None:
        """Drop the rows that the run remembered."""
        ...


class _ReadPage(NamedTuple):
    """A page as it came, and its rows as the sink takes them."""

    page: Page
    rows: Any


class Stopped(Exception):
    """The process stops. What was applied is stored with its place."""


class SyncWalk:
    """Walks the feed for the holder of a run."""

    def __init__(
        self,
        runs: SyncRuns,
        fetch: FetchPage,
        sink: FeedSink,
        *,
        patience_s: float = PATIENCE_S,
        on_page: Callable[[Run], None] = lambda _: None,
    ) -> None:
        """patience_s: how long a run without progress is kept up. on_page: called after each page."""
        self._runs = runs
        self._fetch = fetch
        self._sink = sink
        self._patience_s = patience_s
        self._on_page = on_page
        self._stop = asyncio.Event()
        self.rows = dict.fromkeys(ROW_RESULTS, 0)  # by this process, in all of its runs
        self.unknown_categories = 0

    def stop(self) -> None:
        """End the walk: after the batch under way, or at once while it waits for the partner."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    async def finish(self, run: Run) -> str | None:
        """Walk from the place of `run` to the end; mark gone what a full one did not meet. Returns a remark on that.

        Raises Stopped, LeaseLost, FeedInvalid, PartnerError, and Unavailable.
        """
        async with self._beating(run):
            if run.pages:
                await self._sink.resume()
            run = await self._walk(run)
            if not run.full_walk:
                return None
            remark = None
            if run.unnamed:
                remark = f"nothing was marked gone: {run.unnamed} rejected rows name no product and may stand for any"
            elif run.walked < BURIED:
                buried = await self._sink.bury_unseen(run.run, before_ms=run.started_ms)
                # Stored before the sightings go: without them a burial would take everything.
                await self._runs.pass_burial(run, buried)
                self.rows["deleted"] += buried
            await self._sink.forget(run.run)
            return remark

    async def forget(self, run: Run) -> None:
        """Drop what a full run remembered of the feed."""
        if run.full_walk:
            await self._sink.forget(run.run)

    async def _walk(self, run: Run) -> Run:
        guard = WalkGuard(run.pages)
        loop = asyncio.get_running_loop()
        # The first page's fault is the caller's answer; only a walk that has come some way is worth patience.
        give_up_at = loop.time()
        backoff = Backoff(base_s=0.5, max_s=10)
        failures = 0
        doubtful = False
        async with PageAhead(self._page) as pages, PageAhead(partial(self._prepared, pages)) as ahead:
            while doubtful or not run.walked:
                if self.stopping:
                    raise Stopped
                try:
                    if doubtful:
                        run, doubtful = self._counted(run, await self._reread(run)), False
                        guard = WalkGuard(run.pages)
                        continue
                    read = await self.unless_stopped(ahead.page(run.page_token, run.updated_since))
                    guard.pass_page(read.page)
                    if read.page.next_page_token is not None:
                        ahead.begin(read.page.next_page_token, run.updated_since)
                    run = self._counted(run, await self._apply(run, *read))
                except (PartnerError, Unavailable) as error:
                    if loop.time() >= give_up_at or is_final(error):
                        raise
                    failures += 1
                    wait_s = min(retry_after_s(error) + backoff.wait_s(failures), max(0, give_up_at - loop.time()))
                    # The first of a row: the others would only repeat that it waits.
                    write = _log.warning if failures == 1 else _log.debug
                    write("sync waits", run=run.run, pages=run.pages, wait_s=round(wait_s, 1), reason=str(error))
                    await self.unless_stopped(asyncio.sleep(wait_s))
                    doubtful = True
                else:
                    give_up_at, failures = loop.time() + self._patience_s, 0
                    self._on_page(run)
        return run

    async def _page(self, page_token: str | None, updated_since: str | None) -> _ReadPage:
        page = parse_page(await self._fetch(page_query(page_token, updated_since)), now=datetime.now(UTC))
        return _ReadPage(page, await self._sink.read(page.rows))

    async def _prepared(
        self, pages: PageAhead[_ReadPage], page_token: str | None, updated_since: str | None
    ) -> _ReadPage:
        """Returns a page as it is prepared; until its turn comes, the one after it is fetched and read."""
        page, rows = await pages.page(page_token, updated_since)
        if page.next_page_token is not None:
            pages.begin(page.next_page_token, updated_since)
        return _ReadPage(page, await self._sink.prepare(rows))

    async def _apply(self, run: Run, page: Page, rows: Any) -> Run:
        def after(result: PageResult) -> Run:
            return run.after_page(result, rows=len(page.rows), page_token=page.next_page_token, as_of=page.as_of)

        async def place(session: Session, result: PageResult) -> None:
            await self._runs.advance(session, run, after(result), result.rejects)

        return after(await self._sink.apply(rows, sighting=run.run if run.full_walk else None, place=place))

    def _counted(self, before: Run, after: Run) -> Run:
        for result in ROW_RESULTS:
            self.rows[result] += getattr(after, result) - getattr(before, result)
        self.unknown_categories += after.unknown_categories - before.unknown_categories
        return after

    async def _reread(self, run: Run) -> Run:
        """Returns the run as it is stored: after a lost connection only that shows what was committed."""
        stored = await self._runs.get(run.run)
        if stored is None or stored.holder != run.holder:
            raise LeaseLost(run.run)
        return stored

    @contextlib.asynccontextmanager
    async def _beating(self, run: Run) -> AsyncIterator[None]:
        async def beat() -> None:
            while True:
                await asyncio.sleep(self._runs.lease_s / _HEARTBEATS_PER_LEASE)
                try:
                    await self._runs.beat(run)
                except LeaseLost:
                    return  # the next page's transaction finds out
                except FarmLokalError as error:
                    # Nothing that the log does not have already, where the database is away.
                    _log.debug("sync heartbeat failed", run=run.run, reason=str(error))

        beating = asyncio.create_task(beat(), name=f"sync heartbeat {run.run}")
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Returns the result of `work`, which `stop` cancels. Raises Stopped then."""
        task = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Stopped
            return task.result()
        finally:
            task.cancel()
            stopped.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)


def is_final(error: FarmLokalError) -> bool:
    """Whether another attempt is in vain: the partner understood the request, and refuses it."""
    return isinstance(error, PartnerFailed) and 400 <= (error.upstream.status or 0) < 500


def retry_after_s(error: FarmLokalError) -> int:
    """Returns the seconds to wait at least before the next attempt."""
    return error.retry_after_s if isinstance(error, PartnerUnavailable | Unavailable) else 0
