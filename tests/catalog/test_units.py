"""What is asked for by its unit, which no index has: found by the names that have products of that unit."""

from collections.abc import AsyncIterator

import pytest

from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filters import UNIT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import SORTS
from farmlokal.catalog.question.table import TABLE
from farmlokal.catalog.question.words import NAMED
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.units import by_names, is_common
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.name_units import fill_units
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from farmlokal.errors import NotComplete
from tests.catalog.questions import row_type, where
from tests.support.backends import on_every_backend
from tests.support.service import open_database


def product(number: int, name: str, unit: str, category: str = "eggs", version: int = 1) -> ProductRecord:
    """A product of one name and one unit."""
    return ProductRecord("test", str(number), version, name, category, 100, unit)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """An empty catalogue."""
    async with open_database(backend_url) as opened:
        yield opened


async def units(database: Database) -> list[tuple[str, str]]:
    """Every name with a unit."""
    rows = await database.fetch("SELECT name, unit FROM name_units JOIN names ON id = name_id ORDER BY name, unit")
    return [tuple(row) for row in rows]


@on_every_backend
@pytest.mark.parametrize("loading", [False, True], ids=["single", "load"])
async def test_every_write_tells_its_unit(database: Database, loading: bool) -> None:
    """New products and changed ones add the units of their names, once; none is taken away."""
    writer = ProductWriter(database, farms=KnownFarms(database) if loading else None)
    await writer.apply([product(1, "Egg", "dozen"), product(2, "Egg", "piece"), product(3, "Duck Egg", "dozen")])
    await writer.apply([product(1, "Egg", "tray", version=2), product(4, "EGG", "dozen")])
    await writer.apply([product(5, "Egg", "dozen")])
    expected = [("Duck Egg", "dozen"), ("Egg", "dozen"), ("Egg", "piece"), ("Egg", "tray")]
    assert expected == await units(database)


@on_every_backend
async def test_what_an_earlier_release_wrote_is_filled_in(database: Database) -> None:
    """The sweep adds the units that live products have."""
    await ProductWriter(database).apply([product(1, "Egg", "dozen"), product(2, "Milk", "litre", "milk")])
    await database.run_script(["DELETE FROM name_units"])

    async def fill(session: object) -> None:
        await fill_units(session, database.dialect, 0, 2)  # type: ignore[arg-type]

    for _ in range(2):
        await database.in_transaction(fill)
        assert [("Egg", "dozen"), ("Milk", "litre")] == await units(database)


@on_every_backend
async def test_a_unit_becomes_names(database: Database) -> None:
    """Of the categories asked for; the unit is looked at no more where the names have no other; none is no question."""
    await ProductWriter(database).apply(
        [
            *[product(1, "Egg", "dozen"), product(2, "Duck Egg", "dozen"), product(3, "Duck Egg", "piece")],
            product(4, "Rose", "dozen", "flowers"),
        ]
    )
    ids: dict[str, int] = dict(await database.fetch("SELECT name, id FROM names"))

    async def asked(**values: object) -> tuple[list[int], object] | None:
        found = await by_names(ListingQuery(where(**values)), database)
        return None if found is None else (list(found.filters.get(NAMED)), found.filters.get(UNIT))

    assert ([ids["Rose"]], None) == await asked(unit="dozen", category=["flowers"])
    assert (sorted((ids["Egg"], ids["Duck Egg"])), "dozen") == await asked(unit="dozen", category=["eggs", "milk"])
    assert (sorted(ids.values()), "dozen") == await asked(unit="dozen")
    assert await asked(unit="dozen", category=["milk"]) is None
    assert await asked(unit="furlong") is None


def test_what_most_products_have_is_common() -> None:
    """Then no names are looked for, unless it is asked of some kinds alone: these may have another."""
    rows = [
        row_type()(
            **dict.fromkeys(TABLE.places) | {"id": n, "created_at": f"{n:03}", "unit": ("kg", "kg", "dozen")[n % 3]}
        )
        for n in range(300)
    ]
    for key in ("price_paise", "name_key", "rating_key"):
        rows = [row._replace(**{key: 1}) for row in rows]
    sample = Sample(rows, 1.0)
    assert [True, False, False, False] == [
        is_common(ListingQuery(where(**values)), sample)
        for values in ({"unit": "kg"}, {"unit": "dozen"}, {"unit": "kg", "category": ["eggs"]}, {"unit": "furlong"})
    ]
    assert not is_common(ListingQuery(where(unit="kg")), Sample((), 1.0))


@on_every_backend
async def test_in_the_middle_of_an_upgrade_units_are_not_known(database: Database) -> None:
    """Then the question is refused, and others are not."""
    store = ProductStore(database, units_complete=lambda: False)
    assert [] == await store.page(ListingQuery(where(category=["eggs"])))
    with pytest.raises(NotComplete):
        await store.page(ListingQuery(where(unit="kg"), SORTS["price"]))
