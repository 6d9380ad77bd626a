"""Rows to JSON bodies."""

from typing import Any, NamedTuple

import orjson

from farmlokal.catalog.cursor import CursorSigner
from farmlokal.catalog.listing_query import ListingQuery, Position

CURRENCY = "INR"

ShownRow = list[Any]
"""What `page_statement` selects of one product: the fields in their order, then the sort value."""


class Page(NamedTuple):
    """A finished page: the JSON body, and the cursors that stand in it."""

    body: bytes
    next_cursor: str | None
    prev_cursor: str | None


def render_page(query: ListingQuery, rows: list[ShownRow], signer: CursorSigner) -> Page:
    """The page that `rows`, at most limit + 1 of them in the order of the scan, make."""
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
    body = orjson.dumps(
        {
            "data": [_product(row) for row in shown],
            "page": {
                "limit": query.limit,
                "has_more": next_cursor is not None,
                "next_cursor": next_cursor,
                "prev_cursor": prev_cursor,
            },
        }
    )
    return Page(body, next_cursor, prev_cursor)


def render_product(row: ShownRow) -> bytes:
    """One product's JSON body."""
    return orjson.dumps(_product(row))


def _edge(query: ListingQuery, shown: list[ShownRow], place: int, *, backward: bool) -> Position:
    if shown:
        row = shown[place]
        return Position(_sort_value(query.sort.name, row[-1]), row[0], backward)
    # Everything past the cursor is gone meanwhile. Turn round at the cursor itself, its own row included: an id is
    # whole, so "past id ± 1" reaches the row that "past id" leaves out.
    position = query.position
    if position is None:
        raise AssertionError("an empty first page has no neighbours")
    return Position(position.value, position.id + (1 if backward != query.sort.descending else -1), backward)


def _sort_value(sort_name: str, stored: Any) -> str | int:
    if sort_name == "price":
        return int(stored.replace(".", ""))
    value: str | int = stored
    return value


def _product(row: ShownRow) -> dict[str, object]:
    (row_id, name, category, price, unit, farm_id, farm_name, market, district, state, lat, lon) = row[:12]
    stock, organic, rating, created_at, updated_at = row[12:17]
    return {
        "id": row_id,
        "name": name,
        "category": category,
        "price": price,
        "currency": CURRENCY,
        "unit": unit,
        "farm": None if farm_id is None else {"id": farm_id, "name": farm_name},
        "market": market,
        "district": district,
        "state": state,
        "lat": lat,
        "lon": lon,
        "stock": stock,
        "organic": bool(organic),
        "rating": None if rating is None else float(rating),
        "created_at": created_at,
        "updated_at": updated_at,
    }
