"""Pages of a price history: every day once, from both ends, whatever the limit and the range."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.prices import PriceQuery
from farmlokal.catalog.reading.price_history import PriceHistory
from tests.catalog.price_days import priced_product, told
from tests.support.backends import on_every_backend
from tests.support.service import open_database

SIGNER = CursorSigner([b"a key of the tests"])
# Every second day, and a long gap.
DAYS = [date(2026, 1, 1) + timedelta(days=2 * number + (40 if number > 9 else 0)) for number in range(23)]

pytestmark = on_every_backend


@pytest.fixture
async def history(backend_url: str) -> AsyncIterator[tuple[PriceHistory, PriceQuery]]:
    """A product's history, and the question for its newest days."""
    async with open_database(backend_url) as database:
        days = [told(day.isoformat(), 2000 + place, 1900, None) for place, day in enumerate(DAYS)]
        yield PriceHistory(database, SIGNER), PriceQuery(await priced_product(database, days))


async def page_at(history: PriceHistory, query: PriceQuery, cursor: str | None = None) -> Any:
    """The decoded page of `query`, or the one to which a cursor of it leads."""
    position = None if cursor is None else SIGNER.open_for(query.question, cursor, "must fit")
    value = await history.page(PriceQuery(query.product_id, query.first, query.last, query.limit, position))
    page = orjson.loads(value.body)
    found = dict(value.attributes)
    assert found == {name: page["page"][f"{name}_cursor"] for name in found}
    return page


async def walk(history: PriceHistory, query: PriceQuery) -> tuple[list[str], list[str]]:
    """The days along `next_cursor` to the end, and those on the way back."""
    pages = [await page_at(history, query)]
    while (cursor := pages[-1]["page"]["next_cursor"]) is not None:
        pages.append(await page_at(history, query, cursor))
    back = [pages[-1]]
    while (cursor := back[-1]["page"]["prev_cursor"]) is not None:
        back.append(await page_at(history, query, cursor))
    assert [page["data"] for page in pages] == [page["data"] for page in reversed(back)]
    return [[one["day"] for page in way for one in page["data"]] for way in (pages, back)]  # type: ignore[return-value]


async def test_pages(history: tuple[PriceHistory, PriceQuery]) -> None:
    """Prices are decimal strings, and null where there are none. A range without days is a page without any."""
    loader, query = history
    page = await page_at(loader, PriceQuery(query.product_id, limit=1))
    day = {"day": "2026-03-26", "min": "19.00", "modal": "20.22", "max": None, "currency": "INR", "unit": "kg"}
    assert [day] == page["data"]
    assert (1, True, None) == (page["page"]["limit"], page["page"]["has_more"], page["page"]["prev_cursor"])
    page = await page_at(loader, PriceQuery(query.product_id, date(1, 1, 1), date(1999, 12, 31)))
    assert ([], False, None) == (page["data"], page["page"]["has_more"], page["page"]["next_cursor"])
    for ask in (loader.page, loader.picture):
        value = await ask(PriceQuery(query.product_id + 1))
        assert (True, f"there is no product {query.product_id + 1}".encode()) == (value.negative, value.body)


async def test_walks_meet_every_day_once(history: tuple[PriceHistory, PriceQuery]) -> None:
    """The newest first and back again, also in a range, whose ends are both part of it."""
    loader, query = history
    for limit in (1, 7, 22, 23, 366):
        for first, last in ((None, None), (DAYS[3], DAYS[17]), (DAYS[3] + timedelta(days=1), None), (None, DAYS[0])):
            expected = [day.isoformat() for day in reversed(DAYS) if (first or DAYS[0]) <= day <= (last or DAYS[-1])]
            forward, _ = await walk(loader, PriceQuery(query.product_id, first, last, limit))
            assert expected == forward
            assert all(later > earlier for later, earlier in pairwise(forward))


async def test_a_cursor_past_which_nothing_is_left(history: tuple[PriceHistory, PriceQuery]) -> None:
    """Who deletes old days leaves walks an empty page, from which the way back leads to what is there."""
    loader, query = history
    week = PriceQuery(query.product_id, limit=7)
    first = await page_at(loader, week)
    last_shown = (date.fromisoformat(first["data"][-1]["day"]) - date(1970, 1, 1)).days
    await loader._database.run_script([f"DELETE FROM price_days WHERE day < {last_shown}"])
    empty = await page_at(loader, week, first["page"]["next_cursor"])
    assert ([], None) == (empty["data"], empty["page"]["next_cursor"])
    assert first["data"] == (await page_at(loader, week, empty["page"]["prev_cursor"]))["data"]
