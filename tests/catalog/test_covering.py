"""Every scan is answered by its index alone, and not sorted where that has the order asked for, says EXPLAIN."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest

from farmlokal.catalog.planning.nearest import Crowd, Round
from farmlokal.catalog.planning.planner import Plan, Scan
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.filters import FILTERS, NEAR
from farmlokal.catalog.question.near import POINT, Nearby
from farmlokal.catalog.question.query import NO_FILTERS, Filters, ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, SORT_KEYS, Position, Sort
from farmlokal.catalog.question.storage import Index, SampledRow
from farmlokal.catalog.question.table import TABLE
from farmlokal.catalog.question.words import NAMED
from farmlokal.catalog.reading.near_statement import round_statement, sorted_statement
from farmlokal.catalog.reading.statement import Statement, page_statement
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.dialect import MYSQL
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.schema import schema_text, statements
from farmlokal.database.shape import needed_shape
from tests.catalog.counted_reads import Catalogue, catalogue_at
from tests.catalog.questions import row_order, row_type, where
from tests.support.backends import on_every_server
from tests.support.service import open_database

# MySQL 9.7 takes no index of sixteen columns for covering, nor for its order, forced or not; MariaDB does.
COLUMNS_MAX = 15
INDEXES_MAX = 14  # and the primary key: what a write has to keep up
PRODUCTS = 300


class Asked(NamedTuple):
    """A statement, the index that it is to read, and whether that has the order asked for."""

    text: str
    statement: Statement
    index_name: str
    in_order: bool


@pytest.mark.parametrize("dialect_name", ["mysql", "sqlite"])
def test_no_index_is_too_wide(dialect_name: str) -> None:
    """No index of the products has more columns than MySQL takes one with for covering, and they are not too many."""
    indexes = needed_shape(statements(schema_text(dialect_name)))["products"].indexes
    secondary = {name: index for name, index in indexes.items() if name != "PRIMARY"}
    assert len(secondary) <= INDEXES_MAX
    assert {} == {name: index for name, index in secondary.items() if len(index.columns) > COLUMNS_MAX}


def test_an_upgrade_makes_the_same_indexes() -> None:
    """The upgrade's statements make each index of the products with the columns that the schema has it with."""
    for dialect_name in ("mysql", "sqlite"):
        indexes = needed_shape(statements(schema_text(dialect_name)))["products"].indexes
        made = [
            getattr(step, dialect_name, "")
            for one in MIGRATIONS
            for step in one.expand
            if step.name.startswith("listing_")
        ]
        columns = {name: ", ".join(index.columns) for name, index in indexes.items() if name.startswith("listing_")}
        assert len(columns) == len(made)
        assert all(any(f"{name} " in text and f"({one})" in text for text in made) for name, one in columns.items())


def others(product: Any, sample: Sample) -> Iterator[Filters]:
    """What else is asked: nothing, every plain filter, several places, near, several names, both of these."""
    names = sorted({row[TABLE.places["name_id"]] for row in sample.by_sort["created_at"]})
    near = where(near=POINT.parse("19.998,73.79"), radius_km=5000)
    named = Filters([(NAMED, tuple(names))])
    yield NO_FILTERS
    yield where(
        category=[product.category, "other"],
        min_price=100,
        max_price=10**7,
        district=product.district_key,
        state=product.state_key,
        farm_id=product.farm_id,
        in_stock=True,
        organic=False,
    )
    yield where(
        district=[product.district_key, "nowhere"],
        state=[product.state_key, "nowhere"],
        farm_id=[product.farm_id, 1, 2],
    )
    yield near
    yield named
    yield Filters([*near, *named])


def ranges(product: Any) -> Iterator[tuple[Filters, Index]]:
    """Every index with what makes a range of it: the value that a product has, or nothing where it is of everything."""
    for key in SORT_KEYS:
        yield NO_FILTERS, key.index
    for one in FILTERS:
        value = getattr(product, one.columns[0].name) if one.columns else None
        for index in one.indexes:
            yield Filters([(one, (value,))]), index


def everything_asked(sample: Sample) -> Iterator[Asked]:
    """Each index in its own order and under the others that it may be sorted for, beside every kind of filter."""
    rows = sample.by_sort["created_at"]
    product = next(named for row in rows if (named := row_type()._make(row)).farm_id is not None)
    for made, index in ranges(product):
        for beside in others(product, sample):
            filters = Filters([*made, *beside.without(*(one for one, _ in made))])
            yield from _by_columns(filters, index, product)
            if index.sortable and filters.get(NEAR) is not None:
                query = ListingQuery(filters, Sort(DISTANCE), 20, Position(5, 7))
                plan = Plan((Scan(index.name, filters.without(NEAR), 1),))
                yield Asked(str(filters), sorted_statement(query, MYSQL, plan, 21), index.name, False)
    for beside in others(product, sample):
        if beside.get(NEAR) is not None:
            yield from _by_place(beside, product)


def _by_columns(
    filters: Filters, index: Index, at: SampledRow, cells: tuple[tuple[int, int], ...] = ()
) -> Iterator[Asked]:
    for sort in (Sort(key, descending) for key in SORT_KEYS for descending in (False, True)):
        in_order = sort.name == index.sort
        if not in_order and (not index.sortable or sort.name in index.lacks):
            continue
        plan = Plan((Scan(index.name, filters, 1, cells=cells),))
        value, row_id = row_order(sort.name)(at)
        for position in (None, Position(value, row_id), Position(value, row_id, backward=True)):
            query = ListingQuery(filters, sort, 20, position)
            yield Asked(query.canonical(), page_statement(query, MYSQL, plan), index.name, in_order)


def _by_place(filters: Filters, at: SampledRow) -> Iterator[Asked]:
    near: Nearby = filters.get(NEAR)
    cells = ((0, near.cell), (near.cell + 1, near.cell + 2**40))
    yield from _by_columns(filters, DISTANCE.index, at, cells)
    for backward in (False, True):
        position = Position(0, 7, backward)
        query = ListingQuery(filters, Sort(DISTANCE), 20, position)
        for found, in_order in (
            (Round(cells, (), position, 10**12), False),
            (Round((), (Crowd(near.cell, 0),), position, 10**12), True),
        ):
            yield Asked(query.canonical(), round_statement(query, MYSQL, found, 21), DISTANCE.index.name, in_order)


@pytest.fixture
async def catalogue(backend_url: str) -> AsyncIterator[Catalogue]:
    """A few products on a server, and all of them in the sample."""
    async with open_database(backend_url) as database:
        await ProductWriter(database).apply(list(generate(1, PRODUCTS)))
        sample = await draw_sample(database)
    async for opened in catalogue_at(backend_url, PRODUCTS, sample):
        yield opened


@on_every_server
async def test_every_scan_is_covered(catalogue: Catalogue) -> None:
    """Whatever is asked: the index that is forced answers alone, and what has the order asked for is not sorted."""
    wrong: list[tuple[str, Any]] = []
    met: set[str] = set()
    for asked in everything_asked(catalogue.sample):
        scans = await catalogue.scans(asked.statement, {asked.index_name})
        met |= {scan.index_name for scan in scans}
        if len(scans) != 1 or not scans[0].covered or (asked.in_order and scans[0].sorts):
            wrong.append((asked.text, scans or asked.index_name))
    assert [] == wrong
    every = needed_shape(statements(schema_text("mysql")))["products"].indexes
    assert {name for name in every if name.startswith("listing_")} == met
