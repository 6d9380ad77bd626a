"""The loaders behind a product's price history: a page of its days, and a picture of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from farmlokal.caching.value import Value
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.prices import PriceQuery, day_at, day_number
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.reading.paging import cut_page
from farmlokal.catalog.reading.price_picture import DrawnDay, DrawnProduct, draw
from farmlokal.catalog.reading.price_schemas import PriceDay, PriceHistoryPage, PriceHistoryPageInfo
from farmlokal.catalog.reading.schemas import CURRENCY
from farmlokal.database.dialect import decimal_string
from farmlokal.database.interface import Database

# What a picture as wide as a screen can show.
DRAWN_DAYS_MAX = 366


class _Day(NamedTuple):
    """A row of `price_days`; paise for one of `unit`."""

    number: int
    unit: str
    lowest: int | None
    modal: int
    highest: int | None


class PriceHistory:
    """Loads what the cache does not hold of it. Raises Unavailable when the database cannot answer."""

    def __init__(self, database: Database, signer: CursorSigner) -> None:
        self._database = database
        self._signer = signer

    def __repr__(self) -> str:
        return f"<PriceHistory {self._database!r}>"

    async def page(self, query: PriceQuery) -> Value:
        """A page of days, the newest first, with its cursors as the attributes `next` and `prev`.

        A negative value where there is no such product, or no longer.
        """
        if await self._product(query.product_id) is None:
            return _no_product(query.product_id)
        return render_page(query, await self._days(query, query.limit + 1), self._signer)

    async def picture(self, query: PriceQuery) -> Value:
        """The newest days of the range as an SVG; a negative value where there is no such product, or no longer."""
        product = await self._product(query.product_id)
        if product is None:
            return _no_product(query.product_id)
        days = await self._days(query, DRAWN_DAYS_MAX + 1)
        drawn = [DrawnDay(day_at(one.number), *one[1:]) for one in reversed(days[:DRAWN_DAYS_MAX])]
        return Value(draw(product, drawn, earlier=len(days) > DRAWN_DAYS_MAX))

    async def _product(self, product_id: int) -> DrawnProduct | None:
        rows = await self._database.fetch(
            "SELECT name, market, district, state FROM products WHERE id = %s AND live = 1", (product_id,)
        )
        return DrawnProduct(*rows[0]) if rows else None

    async def _days(self, query: PriceQuery, rows: int) -> list[_Day]:
        """The first so many days past the query's position, in the direction in which it goes.

        ::

            SELECT day, unit, min_paise, modal_paise, max_paise FROM price_days
            WHERE product_id = 918273 AND day >= 20454 AND day < 20779 ORDER BY day DESC LIMIT 31
        """
        conditions, params = ["product_id = %s"], [query.product_id]
        for condition, day in (("day >= %s", query.first), ("day <= %s", query.last)):
            if day is not None:
                conditions.append(condition)
                params.append(day_number(day))
        backward = query.position is not None and query.position.backward
        if query.position is not None:
            conditions.append("day > %s" if backward else "day < %s")
            params.append(int(query.position.value))
        found = await self._database.fetch(
            f"SELECT day, unit, min_paise, modal_paise, max_paise FROM price_days WHERE {' AND '.join(conditions)}"
            f" ORDER BY day {'ASC' if backward else 'DESC'} LIMIT {rows}",
            params,
        )
        return [
            _Day(day, unit, _paise(lowest), int(modal), _paise(highest)) for day, unit, lowest, modal, highest in found
        ]


def render_page(query: PriceQuery, rows: Sequence[_Day], signer: CursorSigner) -> Value:
    """The page that `rows`, at most limit + 1 of them in the order of the scan, make."""

    def seal(day: _Day | None, backward: bool) -> str:
        if day is not None:
            number = day.number
        else:
            # Its own day included.
            if query.position is None:
                raise AssertionError("an empty first page has no neighbours")
            number = int(query.position.value) + (-1 if backward else 1)
        return signer.seal_for(query.question, Position(number, query.product_id, backward))

    cut = cut_page(rows, query.limit, query.position, seal)
    info: PriceHistoryPageInfo = {
        "limit": query.limit,
        "has_more": cut.next_cursor is not None,
        "next_cursor": cut.next_cursor,
        "prev_cursor": cut.prev_cursor,
    }
    body: PriceHistoryPage = {"data": [_shown(one) for one in cut.shown], "page": info}
    return Value(orjson.dumps(body), cut.cursors)


def _shown(day: _Day) -> PriceDay:
    return {
        "day": day_at(day.number).isoformat(),
        "min": None if day.lowest is None else decimal_string(day.lowest),
        "modal": decimal_string(day.modal),
        "max": None if day.highest is None else decimal_string(day.highest),
        "currency": CURRENCY,
        "unit": day.unit,
    }


def _day(number: int, unit: str, lowest: Any, modal: Any, highest: Any) -> _Day:
    return _Day(number, unit, _paise(lowest), int(modal), _paise(highest))


def _paise(column: Any) -> int | None:
    """A column of whole paise, which some drivers give as decimals."""
    return None if column is None else int(column)


def _no_product(product_id: int) -> Value:
    return Value(b"there is no product %d" % product_id, negative=True)
