"""From version 2 to 3: the release before has what it needs until the contract step; what it wrote gets its place."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from farmlokal.catalog.places import cell_at, packed, vector_of
from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.database.interface import Database
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.schema import StoredVersion, check_schema, contract_schema, create_schema, statements
from farmlokal.database.shape import Shape, differences, found_shape, needed_shape
from tests.support.backends import database_on, on_every_backend

_FILES = {"mysql": "version_2.sql", "sqlite": "version_2_sqlite.sql"}
_INSERT = (
    "INSERT INTO products (source, external_id, version, digest, name, name_key, category, price, unit, lat, lon,"
    " created_at, updated_at) VALUES ('old', %s, 1, 'd', 'Okra', 'okra', 'vegetables', 100, 'kg', %s, %s,"
    " '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)


def of_version_2(dialect_name: str) -> list[str]:
    """The schema file of version 2, as statements."""
    return [*statements((Path(__file__).parent / "schemas" / _FILES[dialect_name]).read_text("utf-8"))]


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database of version 2 with three products, of which one has no place."""
    async with database_on(backend_url) as database:
        await database.run_script(of_version_2(database.dialect.name))
        await write(database, [("1", 18.52, 73.857), ("2", None, None), ("3", -5.0, 180.0)])
        yield database


async def write(database: Database, products: list[tuple[str, float | None, float | None]]) -> None:
    """Write new products as version 2 does."""
    await database.in_transaction(lambda session: session.execute_many(_INSERT, products))


async def shape(database: Database) -> Shape:
    """What the database has."""
    return await found_shape(database.dialect.name, database.fetch)


async def places(database: Database) -> list[tuple[Any, ...]]:
    """Where each product is, by its derived columns."""
    return await database.fetch("SELECT cell, x, yz FROM products ORDER BY id")


def place(lat: float, lon: float) -> tuple[int, ...]:
    """What those columns should hold."""
    cell = cell_at(lat, lon)
    vector = vector_of(cell)
    return cell, vector.x, packed(vector)


@on_every_backend
async def test_the_release_before_has_what_it_needs_until_the_contract_step(database: Database) -> None:
    """Expanded, the database has every table, column and index of version 2, and says that it is one."""
    needed = needed_shape(of_version_2(database.dialect.name))
    assert StoredVersion(2, 2) == await create_schema(database, batches=BATCHES)
    assert [] == differences(needed, await shape(database))
    await check_schema(database)
    assert StoredVersion(MIGRATIONS[-1].version, MIGRATIONS[-1].usable_from) == await contract_schema(
        database, batches=BATCHES
    )
    lost = differences(needed, await shape(database))
    indexes = [
        name for name in needed["products"].indexes if name.startswith("products_") and name != "products_identity"
    ]
    # Version 6 has two of them as ordinary columns, and version 8 one as a byte, but on SQLite.
    retyped = [line for line in lost if re.match(r"column products\.(in_stock|rating_key|category) is", line)]
    assert (3 if database.dialect.name == "mysql" else 0) == len(retyped)
    assert len(indexes) == len(lost) - len(retyped) == 11
    assert all(any(f"index {name} of products is missing" in line for line in lost) for name in indexes)


@on_every_backend
async def test_products_get_their_places(database: Database) -> None:
    """Those that are there by the first sweep, those that the release before writes meanwhile by the second."""
    await create_schema(database, batches=BATCHES)
    expected = [place(18.52, 73.857), (None,) * 3, place(-5.0, 180.0)]
    assert expected == await places(database)
    await write(database, [("4", 28.614, 77.209)])
    await database.run_script(["UPDATE products SET lat = 10, lon = 77, version = 2 WHERE external_id = '2'"])
    assert [*expected, (None,) * 3] == await places(database)
    await contract_schema(database, batches=BATCHES)
    assert [expected[0], place(10, 77), expected[2], place(28.614, 77.209)] == await places(database)
