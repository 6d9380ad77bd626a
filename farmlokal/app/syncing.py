"""The partner's feed and the catalogue brought together: neither package knows the other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from farmlokal.app.webhooks import WakeProducts
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.catalog.writing.feed_page import AppliedPage, FeedWriter, ReadPage, ReadyPage, read_page
from farmlokal.catalog.writing.outcomes import Tally, WriteOutcome
from farmlokal.catalog.writing.versions import Identity
from farmlokal.database.interface import Database, Session
from farmlokal.database.touching import Invalidate, commit_touching
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.sync.run import PageResult, Reject, Run
from farmlokal.partner.sync.run_store import SyncRuns
from farmlokal.partner.sync.service import Sync
from farmlokal.partner.sync.walk import FeedSink, SyncWalk
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# By one process: a feed whose every row has a category of its own must fill neither the log nor the memory.
_UNKNOWN_LOGGED_MAX = 100

PlaceIn = Callable[[Session, PageResult], Awaitable[None]]


class CatalogueSink(FeedSink):
    """Applies the feed's pages to the catalogue, as the products of `source`."""

    def __init__(
        self,
        database: Database,
        source: str,
        invalidate: Invalidate,
        wake: WakeProducts,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """invalidate: called with the cache tags that a page touched. wake: with the products of its rows, committed.

        now: the wall clock, injected by tests.
        """
        self._database = database
        self._writer = FeedWriter(database, source)
        self._invalidate = invalidate
        self._wake = wake
        self._not_woken: set[Identity] = set()
        self._now = now
        self._unknown: set[str] = set()  # the unknown categories that the log has

    def __repr__(self) -> str:
        return f"<CatalogueSink {self._writer!r}>"

    @override
    async def read(self, rows: Sequence[object]) -> ReadPage:
        # In a thread: some milliseconds in which requests are answered.
        return await asyncio.to_thread(read_page, rows, source=self._writer.source, now=self._now())

    @override
    async def prepare(self, rows: ReadPage) -> ReadyPage:
        return await self._writer.prepare(rows)

    @override
    async def apply(self, rows: ReadyPage, *, sighting: str | None, place: PlaceIn) -> PageResult:
        page = rows.page
        # Before the COMMIT: it may have been, though its answer was lost.
        self._not_woken.update([(change.source, change.external_id) for change in page.changes.values()])

        async def work(session: Session) -> tuple[PageResult, frozenset[str]]:
            applied = await self._writer.apply_in(session, rows, sighting=sighting)
            result = _page_result(applied, page)
            await place(session, result)
            return result, applied.tags

        result = await commit_touching(self._database, work, self._invalidate)
        self._log_unknown(page)
        await self._wake(self._not_woken)
        self._not_woken.clear()
        return result

    @override
    async def resume(self) -> None:
        await self._invalidate(frozenset({EVERYTHING}))
        await self._wake(None)

    @override
    async def bury_unseen(self, sighting: str, *, before_ms: int) -> int:
        # Afterwards nothing cached is fresh: which products are gone is known to the database alone.
        before = datetime.fromtimestamp(before_ms / 1000, UTC)
        try:
            return await self._writer.products.sightings.bury_unseen(self._writer.source, sighting, before=before)
        finally:
            await self._invalidate(frozenset({EVERYTHING}))

    @override
    async def forget(self, sighting: str) -> None:
        await self._writer.products.sightings.forget(sighting)

    def _log_unknown(self, page: ReadPage) -> None:
        """A line for each unknown category that comes for the first time; the run counts every row."""
        for label in page.unknown_categories:
            if label not in self._unknown and len(self._unknown) < _UNKNOWN_LOGGED_MAX:
                self._unknown.add(label)
                _log.warning("unknown category becomes other", source=self._writer.source, category=label)


def _page_result(applied: AppliedPage, page: ReadPage) -> PageResult:
    tally = Tally(applied.outcomes)
    return PageResult(
        created=tally[WriteOutcome.CREATED],
        updated=tally[WriteOutcome.UPDATED],
        unchanged=tally[WriteOutcome.UNCHANGED],
        outdated=tally[WriteOutcome.OUTDATED],
        deleted=tally[WriteOutcome.DELETED],
        rejects=tuple(Reject(*one) for one in applied.refusals),
        unnamed=page.unnamed,
        unknown_categories=len(page.unknown_categories),
    )


def catalogue_sync(
    database: Database,
    partner: PartnerConnection,
    *,
    source: str,
    invalidate: Invalidate,
    wake: WakeProducts,
    on_page: Callable[[Run], None] = lambda _: None,
) -> Sync:
    """The sync of the partner's feed into the catalogue, as the products of `source`.

    invalidate, wake: as for CatalogueSink. on_page: called after each page.
    """

    async def fetch(query: Mapping[str, str]) -> Any:
        return await partner.client.get_json("/products", query)

    runs = SyncRuns(database, source)
    return Sync(runs, SyncWalk(runs, fetch, CatalogueSink(database, source, invalidate, wake), on_page=on_page))
