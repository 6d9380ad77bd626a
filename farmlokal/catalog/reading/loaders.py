"""The loaders behind the cached routes: from a question to a finished body."""

import orjson

from farmlokal.caching.value import Value
from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.rendering import render_page
from farmlokal.catalog.reading.schemas import CategoryList
from farmlokal.catalog.reading.store import ProductStore


class Listing:
    """Loads what the cache does not hold. What it returns is what the client gets, byte for byte."""

    def __init__(self, store: ProductStore, signer: CursorSigner) -> None:
        self._store = store
        self._signer = signer

    async def page(self, query: ListingQuery) -> Value:
        """One page, with its cursors as the attributes `next` and `prev`."""
        page = render_page(query, await self._store.page(query), self._signer)
        cursors = (("next", page.next_cursor), ("prev", page.prev_cursor))
        return Value(page.body, tuple((name, cursor) for name, cursor in cursors if cursor is not None))

    async def product(self, product_id: int) -> Value:
        """One product; where there is none, or no longer, a negative value whose body says so."""
        body = await self._store.product(product_id)
        if body is None:
            return Value(b"there is no product %d" % product_id, negative=True)
        return Value(body)

    async def categories(self) -> Value:
        """Every category of the closed list with its number of products."""
        counts = await self._store.category_counts()
        shown: CategoryList = {"data": [{"category": name, "products": counts.get(name, 0)} for name in CATEGORIES]}
        return Value(orjson.dumps(shown))
