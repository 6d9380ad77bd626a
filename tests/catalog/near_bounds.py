"""Pages near a place on a catalogue that counts its reads, against brute force over all of its products in memory."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from farmlokal.catalog.places import Vector, centre_of, packed
from farmlokal.catalog.planning.nearest import NearestWalk
from farmlokal.catalog.planning.planner import choose_nearest
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question import storage
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import POINT, Nearby
from farmlokal.catalog.question.query import ListingQuery, default_sort
from farmlokal.catalog.question.sorts import SORTS, Position
from farmlokal.catalog.question.table import TABLE
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.near_statement import round_statement, sorted_statement
from farmlokal.database.dialect import MYSQL
from farmlokal.database.interface import Params, TextRow
from tests.catalog.counted_reads import READS_MIN, Catalogue, wasted
from tests.catalog.questions import where

# Dense, middling, sparse, at sea, abroad.
PLACES = ("19.998,73.79", "28.614,77.209", "26.915,70.908", "15,88", "48.857,2.352")
RADII_TENTHS = (None, 20, 100, 500, 5000)
DEPTHS = (0, 20, 2_000, 20_000, 400_000)
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"category": ["vegetables"]},
    {"category": ["vegetables"], "min_price": 2000, "max_price": 3000, "organic": True},
)
EMPTY_READS_MAX = 300
CROWD = 30_000
CROWD_READS_MAX = 400


class CountedDatabase:
    """A database that reads on the connection which counts, and has counted what was read since it was asked last."""

    dialect = MYSQL

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.statements = 0

    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        """Read as the driver of pages does: texts."""
        self.statements += 1
        cursor = self._catalogue.cursor
        await cursor.execute(sql, params)
        return [
            tuple(None if value is None else str(value).encode() for value in row) for row in await cursor.fetchall()
        ]


class Product(NamedTuple):
    """What brute force has to know of a product."""

    id: int
    place: Vector
    category: str
    price_paise: int
    organic: int


def passes(product: Product, asked: dict[str, Any]) -> bool:
    """Whether a product passes one of FILTERS."""
    return (
        (not asked or product.category in asked["category"])
        and asked.get("min_price", 0) <= product.price_paise <= asked.get("max_price", 10**12)
        and asked.get("organic", product.organic) == product.organic
    )


@dataclass(slots=True)
class Found:
    """One page: the question, the ids that brute force gives, those of the page, and what it read."""

    query: ListingQuery
    expected: list[int]
    ids: list[int]
    reads: int
    statements: int


async def all_products(catalogue: Catalogue) -> list[Product]:
    """Everything that has a place, in memory."""
    await catalogue.cursor.execute(
        f"SELECT id, x, {storage.Y.sql(MYSQL)}, {storage.Z.sql(MYSQL)}, category, CAST(price * 100 AS SIGNED), organic"
        " FROM products WHERE x IS NOT NULL"
    )
    rows = await catalogue.cursor.fetchall()
    return [Product(row_id, Vector(x, y, z), *others) for row_id, x, y, z, *others in rows]


def questions_near(
    products: Sequence[Product], places: Sequence[str] = PLACES
) -> Iterator[tuple[ListingQuery, list[int]]]:
    """Pages in the order of distance at every depth that there is, forward and back, with the ids that are right."""
    kept = [[product for product in products if passes(product, asked)] for asked in FILTERS]
    for place in places:
        for asked, left in zip(FILTERS, kept, strict=True):
            a, b, c = _near({"near": POINT.parse(place)}).origin
            passing = sorted(((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2, row_id) for row_id, (x, y, z), *_ in left)
            for radius in RADII_TENTHS:
                filters = where(near=POINT.parse(place), radius_km=radius, **asked)
                within = filters.get(NEAR).within
                total = len(passing) if within is None else bisect_right(passing, (within, 2**63))
                yield from _pages(ListingQuery(filters, default_sort(filters)), passing, total)


def _pages(query: ListingQuery, passing: list[tuple[int, int]], total: int) -> Iterator[tuple[ListingQuery, list[int]]]:
    for depth in DEPTHS:
        if depth > total:
            return
        position = Position(*passing[depth - 1]) if depth else None
        yield replace(query, position=position), [row_id for _, row_id in passing[depth : min(depth + 21, total)]]
        if depth:
            before = passing[max(0, depth - 22) : depth - 1]
            yield replace(query, position=Position(*passing[depth - 1], True)), [row_id for _, row_id in before[::-1]]


def _near(values: dict[str, Any]) -> Nearby:
    near: Nearby = where(**values).get(NEAR)
    return near


async def ask(catalogue: Catalogue, query: ListingQuery, expected: list[int]) -> Found:
    """The page of `query`, and what it cost."""
    database: Any = CountedDatabase(catalogue)
    store = ProductStore(database)
    store.planner.sample = catalogue.sample
    before = await catalogue.handler_reads()
    rows = await store.page(query)
    reads = await catalogue.handler_reads() - before
    return Found(query, expected, [orjson.loads(row.product)["id"] for row in rows], reads, database.statements)


async def check_near(catalogue: Catalogue) -> None:
    """Every page is that of brute force, within the bound; empty ones are cheap, and so are those of a crowd.

    With filters, a page may read more than the bound where no other plan reads less than half of it.
    """
    products = await all_products(catalogue)
    wrong: list[str] = []
    over: list[tuple[int, str]] = []
    for query, expected in questions_near(products):
        found = await ask(catalogue, query, expected)
        if found.ids != expected:
            wrong.append(query.canonical())
        bound = catalogue.bound + READS_MIN if expected else EMPTY_READS_MAX
        if found.reads > bound and (
            not expected or len(query.filters) == 1 or found.reads > 2 * await _best_other(catalogue, query)
        ):
            over.append((found.reads, query.canonical()))
        if len(found.query.filters) == 1 and expected:
            walk = NearestWalk(query.filters.get(NEAR), query.position, catalogue.sample, query.limit + 1)
            first = walk.next_round(query.limit + 1)
            assert first is not None
            statement = round_statement(query, MYSQL, first, query.limit + 1)
            assert await catalogue.is_covered(statement, {"listing_by_place"})
    assert [] == wrong
    assert [] == over
    assert [] == await _dear_pages_of_a_crowd(catalogue, [product.id for product in products[:CROWD]])


async def check_discs(catalogue: Catalogue) -> None:
    """A disc under another order: in the bound, or no other plan reads less than half of it, but for one in fifty."""
    asked = [
        ListingQuery(where(near=POINT.parse(place), radius_km=radius, **others), sort)
        for place in PLACES
        for radius in (20, 100, 500, 5000)
        for others in FILTERS[:2]
        for sort in SORTS.values()
    ]
    worse = [found for query in asked if (found := await wasted(catalogue, query)) is not None]
    assert len(worse) <= len(asked) // 50, worse


async def _best_other(catalogue: Catalogue, query: ListingQuery) -> int:
    """What the page reads by the plan that sorts the filters' own ranges."""
    plan = choose_nearest(query.filters.without(NEAR), catalogue.sample).ranges
    statement = sorted_statement(query, MYSQL, plan, query.limit + 1)
    before = await catalogue.handler_reads()
    await catalogue.cursor.execute(statement.sql, statement.params)
    await catalogue.cursor.fetchall()
    return await catalogue.handler_reads() - before


async def _dear_pages_of_a_crowd(catalogue: Catalogue, crowd: Sequence[int]) -> list[tuple[int, bool, int]]:
    """Bring so many products to one place, walk pages among them from the beginning, the middle and the end, both ways.

    Returns the pages that read more than they may, as place in the crowd, direction and reads. A page that goes on
    behind the crowd reads what is around it, as any other.
    """
    place = POINT.parse(PLACES[0])
    near = _near({"near": place})
    lat, lon = centre_of(near.cell)
    # MySQL has a limit to what it thinks over of one list.
    for start in range(0, len(crowd), 1000):
        await catalogue.cursor.execute(
            "UPDATE products SET lat = %s, lon = %s, cell = %s, x = %s, yz = %s"
            f" WHERE id IN ({', '.join(map(str, crowd[start : start + 1000]))})",
            (lat, lon, near.cell, near.origin.x, packed(near.origin)),
        )
    at = TABLE.places
    moved = set(crowd)
    rows = [
        (*row[: at["cell"]], near.cell, *near.origin, *row[at["z"] + 1 :]) if row[at["id"]] in moved else row
        for row in catalogue.sample.by_sort["created_at"]
    ]
    changed = replace(catalogue, sample=Sample(rows, catalogue.sample.share))
    query = ListingQuery(where(near=place), default_sort(where(near=place)))
    ordered, dear = sorted(crowd), []
    for start in (0, len(ordered) // 2, len(ordered) - 10):
        for backward in (False, True):
            expected = ordered[max(0, start - 21) : start][::-1] if backward else ordered[start + 1 : start + 22]
            found = await ask(changed, replace(query, position=Position(0, ordered[start], backward)), expected)
            assert expected == found.ids[: len(expected)]
            within = len(expected) > query.limit
            if found.reads > (CROWD_READS_MAX if within else catalogue.bound + READS_MIN):
                dear.append((start, backward, found.reads))
    return dear
