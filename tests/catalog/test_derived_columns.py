"""Derived columns: the writer fills them, and what the release before wrote is mended."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from farmlokal.catalog.places import cell_at, packed, vector_of
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.derived import DERIVATIONS, DERIVED_COLUMNS
from farmlokal.catalog.writing.mending import mend
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from tests.support.backends import on_every_backend
from tests.support.service import open_database

PUNE, NASHIK = (18.5204, 73.8567), (19.9975, 73.7898)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """An empty catalogue."""
    async with open_database(backend_url) as opened:
        yield opened


def record(number: int, place: tuple[float, float] | None, version: int = 1) -> ProductRecord:
    """A product at `place`."""
    lat, lon = place or (None, None)
    return ProductRecord("test", str(number), version, "Okra", "vegetables", 100, "kg", lat=lat, lon=lon)


def derived(place: tuple[float, float] | None, name_id: int | None = 1) -> tuple[Any, ...]:
    """What the derived columns of a product at `place` hold; all of the products have the first name."""
    if place is None:
        return (*(None,) * 3, name_id)
    cell = cell_at(*place)
    vector = vector_of(cell)
    return (cell, vector.x, packed(vector), name_id)


async def stored(database: Database) -> list[tuple[Any, ...]]:
    """The derived columns of every product, and the version that they are made from."""
    return await database.fetch(f"SELECT {', '.join(DERIVED_COLUMNS)}, derived_version FROM products ORDER BY id")


def test_no_two_derivations_make_one_column() -> None:
    """Each derived column has one row that makes it."""
    columns = [column for one in DERIVATIONS for column in one.columns]
    assert sorted(set(columns)) == sorted(columns) == sorted(DERIVED_COLUMNS)


@on_every_backend
async def test_the_writer_fills_them(database: Database) -> None:
    """A new product, one that moves and one that loses its place have columns of their own version."""
    writer = ProductWriter(database)
    await writer.apply([record(1, PUNE), record(2, PUNE), record(3, None), Deletion("test", "4", 7)])
    assert [(*derived(PUNE), 1), (*derived(PUNE), 1), (*derived(None), 1), (*derived(None, None), 7)] == await stored(
        database
    )
    await writer.apply([record(1, NASHIK, 2), record(2, None, 2), record(3, PUNE, 2)])
    assert [(*derived(NASHIK), 2), (*derived(None), 2), (*derived(PUNE), 2)] == (await stored(database))[:3]


@on_every_backend
async def test_what_the_release_before_wrote_is_mended(database: Database) -> None:
    """New rows without the columns, and rows moved without them, become as the writer makes them; no others do."""
    await ProductWriter(database).apply([record(number, PUNE) for number in range(1, 6)])
    lat, lon = NASHIK
    await database.run_script(
        [
            "UPDATE products SET cell = NULL, x = NULL, yz = NULL, name_id = NULL WHERE id = 1",
            "UPDATE products SET derived_version = NULL WHERE id = 1",
            f"UPDATE products SET lat = {lat}, lon = {lon}, version = 2 WHERE id = 2",
            "UPDATE products SET lat = NULL, lon = NULL, version = 2 WHERE id = 3",
            f"UPDATE products SET lat = {lat}, lon = {lon}, version = 2, live = 0 WHERE id = 4",
            f"UPDATE products SET lat = {lat}, lon = {lon}, version = 2 WHERE id = 5",
        ]
    )

    async def work(session: Any) -> set[str]:
        return await mend(session, database.dialect, 0, 4)

    tags = await database.in_transaction(work)
    assert {"products", "category/vegetables", "product/1", "product/2", "product/3"} == tags
    expected = [(*derived(PUNE), 1), (*derived(NASHIK), 2), (*derived(None), 2), (*derived(PUNE), 1)]
    assert [*expected, (*derived(PUNE), 1)] == await stored(database)
    assert set() == await database.in_transaction(work)
