"""The page after one is fetched while that one is written, and nothing of it is lost or left over."""

import asyncio

import pytest

from farmlokal.errors import PartnerFailed, Upstream
from farmlokal.partner.sync.feed import Page
from farmlokal.partner.sync.page_ahead import PageAhead
from farmlokal.partner.sync.walk import SyncWalk
from tests.partner.feed_server import AS_OF, pages_of, rows
from tests.partner.syncing import syncing
from tests.support.backends import on_every_backend


class Feed:
    """Pages by their tokens, fetched once `go` is set; token `bad` has none."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.cancelled: list[str | None] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, token: str | None, _: str | None) -> Page:
        """Fetch one page."""
        self.asked.append(token)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(token)
            raise
        if token == "bad":
            raise PartnerFailed("no such page", Upstream("host"))
        return Page([token], None, AS_OF)


async def test_a_page_is_fetched_once() -> None:
    """Ahead where it was begun, and only then by itself."""
    feed = Feed()
    async with PageAhead(feed) as ahead:
        assert [None] == (await ahead.page(None, None)).rows
        ahead.begin("2", None)
        await asyncio.sleep(0)
        assert [None, "2"] == feed.asked
        assert ["2"] == (await ahead.page("2", None)).rows
        assert [None, "2"] == feed.asked


async def test_another_page_is_fetched_anew() -> None:
    """After a failure the walk may stand elsewhere: what was begun is dropped, and so it is at the end."""
    feed = Feed()
    async with PageAhead(feed) as ahead:
        feed.go.clear()
        ahead.begin("2", None)
        await asyncio.sleep(0)
        again = asyncio.create_task(ahead.page("1", None))
        while feed.asked[-1] != "1":  # noqa: ASYNC110 - another task asks
            await asyncio.sleep(0)
        feed.go.set()
        assert ["1"] == (await again).rows
        feed.go.clear()
        ahead.begin("3", None)
        await asyncio.sleep(0)
    assert ["2", "3"] == feed.cancelled


async def test_what_is_wrong_is_raised_where_it_is_asked_for() -> None:
    """A page that cannot be fetched does no harm before its turn."""
    async with PageAhead(Feed()) as ahead:
        ahead.begin("bad", None)
        await asyncio.sleep(0.001)
        with pytest.raises(PartnerFailed):
            await ahead.page("bad", None)
        ahead.begin("bad", None)
        await asyncio.sleep(0.001)


@on_every_backend
async def test_the_feed_is_asked_while_a_page_is_written(backend_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page's transaction begins with the two pages after it asked for already."""
    async with syncing(backend_url) as sync:
        sync.server.pages = pages_of(rows(4), size=1)
        asked: list[int] = []
        apply = SyncWalk._apply

        async def applied(walk: SyncWalk, *page: object) -> object:
            while len(sync.server.asked) < min(4, len(asked) + 3):  # noqa: ASYNC110 - of another task
                await asyncio.sleep(0.001)
            asked.append(len(sync.server.asked))
            return await apply(walk, *page)  # type: ignore[arg-type]

        monkeypatch.setattr(SyncWalk, "_apply", applied)
        await sync()
        assert [3, 4, 4, 4] == asked
        assert 4 == len(sync.server.asked)
