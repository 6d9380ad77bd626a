"""A store that can be watched, held up and made to fail."""

import asyncio

from aiohttp import web

from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.rows import ShownRow
from farmlokal.web import keys


class WatchedStore(ProductStore):
    """The real store with a watcher before it: counts what it is asked, waits at a gate, and fails when told."""

    questions = 0
    fault: Exception | None = None
    gate: asyncio.Event | None = None

    async def page(self, query: ListingQuery) -> list[ShownRow]:
        """See ProductStore.page."""
        self.questions += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return await super().page(query)


def watch_store(app: web.Application) -> WatchedStore:
    """Put a watcher before the store of a running application."""
    listing = app[keys.LISTING]
    watched = WatchedStore(listing._store._database)
    listing._store = watched
    return watched
