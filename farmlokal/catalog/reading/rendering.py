"""Rows to JSON bodies. The database renders each product; here they are joined, and told where the page stands."""

from typing import NamedTuple

import orjson

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.reading.schemas import PageInfo


class ShownRow(NamedTuple):
    """What `page_statement` selects of one product: its finished JSON object, and its sort value."""

    product: bytes
    sort_value: bytes


class Page(NamedTuple):
    """A finished page: the JSON body, and the cursors that stand in it."""

    body: bytes
    next_cursor: str | None
    prev_cursor: str | None


def render_page(query: ListingQuery, rows: list[ShownRow], signer: CursorSigner) -> Page:
    """The page that `rows`, at most limit + 1 of them in the order of the scan, make: a `schemas.ProductPage`."""
    backward = query.position is not None and query.position.backward
    more = len(rows) > query.limit
    shown = rows[: query.limit]
    if backward:
        shown.reverse()
    # Going forward there is a page before this one whenever a cursor led here; going backward, one after it.
    has_next = backward or more
    has_prev = more if backward else query.position is not None
    next_cursor = signer.seal(query, _edge(query, shown, -1, backward=False)) if has_next else None
    prev_cursor = signer.seal(query, _edge(query, shown, 0, backward=True)) if has_prev else None
    info: PageInfo = {
        "limit": query.limit,
        "has_more": next_cursor is not None,
        "next_cursor": next_cursor,
        "prev_cursor": prev_cursor,
    }
    products = b",".join([row.product for row in shown])
    return Page(b'{"data":[%b],"page":%b}' % (products, orjson.dumps(info)), next_cursor, prev_cursor)


def _edge(query: ListingQuery, shown: list[ShownRow], place: int, *, backward: bool) -> Position:
    if shown:
        row = shown[place]
        value = query.sort.key.read(row.sort_value.decode())
        return Position(value, orjson.loads(row.product)["id"], backward)
    # Everything past the cursor is gone meanwhile. Turn round at the cursor itself, its own row included: an id is
    # whole, so "past id ± 1" reaches the row that "past id" leaves out.
    position = query.position
    if position is None:
        raise AssertionError("an empty first page has no neighbours")
    return Position(position.value, position.id + (1 if backward != query.sort.descending else -1), backward)
