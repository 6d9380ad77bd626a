"""Walking a listing as a client does: by the cursors that the pages hold, and by nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.database.interface import Database

SIGNER = CursorSigner([b"a key that only the tests know"])
PAGES_MAX = 100_000


def listing_over(database: Database) -> Listing:
    """The listing over `database`, with a signer of the tests'."""
    return Listing(ProductStore(database), SIGNER)


async def page(listing: Listing, query: ListingQuery, cursor: str | None = None) -> dict[str, Any]:
    """The decoded page of `query` at `cursor`."""
    position = None if cursor is None else SIGNER.open(cursor, query)
    value = await listing.page(replace(query, position=position))
    decoded: dict[str, Any] = orjson.loads(value.body)
    assert decoded["page"]["has_more"] == (decoded["page"]["next_cursor"] is not None)
    return decoded


async def walk(
    listing: Listing,
    query: ListingQuery,
    *,
    relation: str = "next_cursor",
    start: str | None = None,
    between: Callable[[], Awaitable[None]] | None = None,
) -> list[dict[str, Any]]:
    """Every page from `start` on, following `relation`. between: awaited after each page."""
    pages = [await page(listing, query, start)]
    while (cursor := pages[-1]["page"][relation]) is not None:
        assert len(pages) < PAGES_MAX, "the walk does not end"
        if between is not None:
            await between()
        pages.append(await page(listing, query, cursor))
    return pages


def ids(pages: list[dict[str, Any]]) -> list[int]:
    """The ids on `pages`, in their order."""
    return [product["id"] for one in pages for product in one["data"]]
