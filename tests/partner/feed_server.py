"""A feed on a real socket that answers with whatever a test puts there, and a thin reader of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import ClientSession, web

from farmlokal.errors import PartnerFailed, PartnerUnavailable, Upstream
from farmlokal.partner.sync.feed import FetchPage

AS_OF = "2026-11-22T10:15:00Z"
PAGE_SIZE = 500


def row(external_id: str, version: int = 1, **fields: Any) -> dict[str, Any]:
    """A well-formed row of the feed with the required fields and what `fields` says."""
    required = {"name": "Okra", "category": "vegetables", "price": "24.50", "unit": "kg"}
    return {"source": "partner", "external_id": external_id, "version": version, **required, **fields}


def rows(count: int, first: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """Well-formed rows numbered from `first`."""
    return [row(str(number), **fields) for number in range(first, first + count)]


def page(products: Sequence[object], next_page_token: object = None, as_of: object = AS_OF) -> dict[str, Any]:
    """One page of a feed."""
    return {"products": list(products), "next_page_token": next_page_token, "as_of": as_of}


def pages_of(products: Sequence[object], size: int = PAGE_SIZE, as_of: str = AS_OF) -> dict[str, Any]:
    """`products` cut into pages of `size`, by the token that asks for each; the first one's is empty."""
    starts = range(0, max(len(products), 1), size)
    return {
        str(start or ""): page(
            products[start : start + size], str(start + size) if start + size < len(products) else None, as_of
        )
        for start in starts
    }


class FeedServer:
    """Answers the page of a token from `pages`; `answer`, where set, decides instead.

    fault: called with the number of the request, from 1; the status that it gives is answered in place of the page.
    pause_s: before each answer. open: no request is answered while it is not set.
    """

    def __init__(self, pages: Mapping[str, Any]) -> None:
        self.pages = dict(pages)
        self.answer: Callable[[Mapping[str, str]], Any] = self._stored
        self.fault: Callable[[int], int | None] = lambda _: None
        self.pause_s = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.first_asked = asyncio.Event()
        self.asked: list[dict[str, str]] = []
        self.url = ""

    @property
    def walked(self) -> Counter[str]:
        """How often each page was asked for."""
        return Counter(query.get("page_token", "") for query in self.asked)

    def _stored(self, query: Mapping[str, str]) -> Any:
        return self.pages[query.get("page_token", "")]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request for a page."""
        self.asked.append(dict(request.query))
        self.first_asked.set()
        await self.open.wait()
        await asyncio.sleep(self.pause_s)
        status = self.fault(len(self.asked))
        if status is not None:
            return web.Response(status=status)
        return web.Response(body=orjson.dumps(self.answer(request.query)), content_type="application/json")


@asynccontextmanager
async def feed_server(pages: Mapping[str, Any] | None = None) -> AsyncIterator[FeedServer]:
    """Serve `pages` until the block ends."""
    server = FeedServer(pages or pages_of([]))
    app = web.Application()
    app.router.add_get("/products", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = site.name
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reader_of(url: str) -> AsyncIterator[FetchPage]:
    """What reads pages of the feed at `url`, without attempts: each fault reaches the sync."""
    async with ClientSession() as session:

        async def fetch(query: Mapping[str, str]) -> Any:
            async with session.get(f"{url}/products", params=query) as response:
                upstream = Upstream("127.0.0.1", response.status, 1)
                if response.status >= 500:
                    raise PartnerUnavailable(f"the partner answers {response.status}", upstream, retry_after_s=0)
                if response.status >= 400:
                    raise PartnerFailed(f"the partner answers {response.status}", upstream)
                return orjson.loads(await response.read())

        yield fetch
