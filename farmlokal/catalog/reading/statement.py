"""The SQL of one page: a covering keyset scan finds the ids, then their rows are read by primary key.

The text depends on the shape of a question alone (which filters, which order, which indexes) and is made once for each
shape; what changes from one question to the next are parameters.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from farmlokal.catalog.planning.planner import Plan, Scan
from farmlokal.catalog.question.filter import Condition
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import squared_chord_sql
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import FOUND, Sort
from farmlokal.catalog.reading.schemas import CURRENCY
from farmlokal.database.dialect import Dialect
from farmlokal.database.json_sql import JsonField, JsonKind
from farmlokal.database.padding import padded

# About 3 KB each. Few of the possible shapes are ever asked for.
_SHAPES_MAX = 1024
_RANGES_PER_GROUP = 64


class Statement(NamedTuple):
    """SQL with `%s` marks, and what goes in their places."""

    sql: str
    params: tuple[object, ...]


class _ScanShape(NamedTuple):
    """What of a scan its SQL depends on: its index, and the conditions that filters and a position make."""

    index_name: str
    conditions: tuple[str, ...]


def page_statement(query: ListingQuery, dialect: Dialect, plan: Plan) -> Statement:
    """The statement for one more row than the page shows (the one that tells `has_more`), found by the scans of `plan`.

    Each row is the product's finished JSON object, its sort value and, on a page near a place, its squared chord to it,
    as texts. For the second page of vegetables by price, on MySQL::

        SELECT CONCAT('{"id":',id,',"name":',…,'}') AS product, price AS place, NULL AS squared
        FROM products JOIN (
            SELECT id AS page_id, price AS found FROM products FORCE INDEX (listing_of_category_by_price)
            WHERE live = 1 AND category = 'vegetables'
              AND price >= '24.50' AND (price > '24.50' OR (price = '24.50' AND id > 918273))
            ORDER BY price, id LIMIT 21
        ) AS page ON id = page_id ORDER BY found, page_id

    Ordered by the columns of the inner result, the rows are sorted before they are made; by their own columns, MariaDB
    makes them all in a temporary table first (measured: 0.2 ms of 0.6).

    Several scans (of categories, or of ties and the rest) are merged: each finds its own limit + 1 ids with their sort
    values, and the first of all are kept::

        JOIN (SELECT page_id, found FROM (SELECT id AS page_id, price AS found … LIMIT 21) AS scan_0
              UNION ALL SELECT … ORDER BY found, page_id LIMIT 21) AS page

    A backward position walks the reversed order: the caller turns the rows round. What is ordered by distance has
    statements of its own (`near_statement`).
    """
    position = query.position
    sort = query.sort.reversed() if position and position.backward else query.sort
    near = query.filters.get(NEAR)
    squared, values = ("NULL", ()) if near is None else squared_chord_sql(near.origin)
    params: list[object] = [*values]
    shapes: list[_ScanShape] = []
    for scan in plan.scans:
        conditions = scan_conditions(scan, dialect)
        keysets: Sequence[Sequence[Condition]] = [()]
        if position is not None:
            keysets = [[past] for past in sort.past(position, dialect, ties_apart=scan.ties_apart)]
        for keyset in keysets:
            texts: list[str] = []
            for text, values in (*conditions, *keyset):
                texts.append(text)
                params += values
            shapes.append(_ScanShape(scan.index, tuple(texts)))
    return Statement(_page_sql(dialect, sort, query.limit + 1, tuple(shapes), squared), tuple(params))


def scan_conditions(scan: Scan, dialect: Dialect) -> list[Condition]:
    """What the filters of a scan ask for, and its cells."""
    conditions = [one.condition(value, dialect) for one, value in scan.filters]
    return [*conditions, cells_condition(scan.cells)] if scan.cells else conditions


def cells_condition(ranges: Sequence[tuple[int, int]]) -> Condition:
    """The products in ranges of cells, each without its end."""
    ranges = padded(ranges)
    return _cells_sql(len(ranges)), tuple([end for one in ranges for end in one])


@lru_cache
def _cells_sql(ranges: int) -> str:
    """In groups: SQLite takes an expression of a thousand levels, and each OR of a row is one."""
    groups = [
        " OR ".join(["cell >= %s AND cell < %s"] * min(_RANGES_PER_GROUP, ranges - start))
        for start in range(0, ranges, _RANGES_PER_GROUP)
    ]
    return f"({' OR '.join([f'({group})' for group in groups])})"


def picked_statement(query: ListingQuery, dialect: Dialect) -> Statement:
    """The statement for the products that `query` asks for by their ids, in any order: rows as those of a page.

    In place of the sort value they have their id, as a text::

        SELECT CONCAT('{"id":',id,…,'}') AS product, id AS place, NULL AS squared
        FROM products WHERE live = 1 AND id IN (918273, 411) AND organic = 1
    """
    near = query.filters.get(NEAR)
    squared, values = ("NULL", ()) if near is None else squared_chord_sql(near.origin)
    params: list[object] = [*values]
    texts = ["live = 1"]
    for one, value in query.filters:
        text, bound = one.condition(value, dialect)
        texts.append(text)
        params += bound
    return Statement(
        f"SELECT {_product_json(dialect)} AS product, id AS place, {squared} AS squared"
        f" FROM products WHERE {' AND '.join(texts)}",
        tuple(params),
    )


@lru_cache(_SHAPES_MAX)
def product_statement(dialect: Dialect) -> str:
    """The statement for one live product by its id, as its finished JSON object."""
    return f"SELECT {dialect.json_object(product_fields(dialect))} AS product FROM products WHERE id = %s AND live = 1"


@lru_cache(_SHAPES_MAX)
def _page_sql(dialect: Dialect, sort: Sort, rows: int, shapes: tuple[_ScanShape, ...], squared: str) -> str:
    return rows_sql([_scan_sql(shape, sort, rows, dialect) for shape in shapes], sort, rows, dialect, squared)


def rows_sql(scans: Sequence[str], sort: Sort, rows: int, dialect: Dialect, squared: str) -> str:
    """The SQL for the first so many rows of what `scans` find. squared: an expression for their squared chord."""
    found_order = sort.order_by(FOUND, "page_id")
    ids = scans[0]
    if len(scans) > 1:
        parts = [f"SELECT page_id, found FROM ({scan}) AS scan_{number}" for number, scan in enumerate(scans)]
        ids = f"{' UNION ALL '.join(parts)} ORDER BY {found_order} LIMIT {rows}"
    return (
        f"SELECT {_product_json(dialect)} AS product, {sort.key.text(dialect)} AS place, {squared} AS squared"
        f" FROM products JOIN ({ids}) AS page ON id = page_id ORDER BY {found_order}"
    )


def _scan_sql(shape: _ScanShape, sort: Sort, rows: int, dialect: Dialect) -> str:
    column = sort.key.column
    return (
        f"SELECT id AS page_id, {column} AS found FROM products {dialect.index_hint.format(shape.index_name)}"
        f" WHERE {' AND '.join(['live = 1', *shape.conditions])} ORDER BY {sort.order_by(column, 'id')} LIMIT {rows}"
    )


@lru_cache(2)
def _product_json(dialect: Dialect) -> str:
    """An expression for what clients see of a product on a page: `schemas.Product`, its fields in their order."""
    return dialect.json_object(_page_fields(dialect))


def product_fields(dialect: Dialect) -> list[JsonField]:
    """What a product's own answer has: the fields of `schemas.WholeProduct` in their order."""
    words = [JsonField(name, JsonKind.TEXT, name) for name in ("description", "brand")]
    return [*_page_fields(dialect), *words]


def _page_fields(dialect: Dialect) -> list[JsonField]:
    farm = dialect.json_object(
        [JsonField("id", JsonKind.NUMBER, "farm_id"), JsonField("name", JsonKind.TEXT, "farm_name")]
    )
    return [
        JsonField("id", JsonKind.NUMBER, "id"),
        JsonField("name", JsonKind.TEXT, "name"),
        JsonField("category", JsonKind.PLAIN, "category"),
        JsonField("price", JsonKind.PLAIN, dialect.price_sql),
        JsonField("currency", JsonKind.PLAIN, f"'{CURRENCY}'"),
        JsonField("unit", JsonKind.TEXT, "unit"),
        JsonField("farm", JsonKind.OBJECT, f"CASE WHEN farm_id IS NOT NULL THEN {farm} END"),
        JsonField("market", JsonKind.TEXT, "market"),
        JsonField("district", JsonKind.TEXT, "district"),
        JsonField("state", JsonKind.TEXT, "state"),
        JsonField("lat", JsonKind.NUMBER, "lat"),
        JsonField("lon", JsonKind.NUMBER, "lon"),
        JsonField("stock", JsonKind.NUMBER, "stock"),
        JsonField("organic", JsonKind.FLAG, "organic"),
        JsonField("rating", JsonKind.NUMBER, dialect.number_sql.format("rating")),
        JsonField("created_at", JsonKind.PLAIN, dialect.time_sql.format("created_at")),
        JsonField("updated_at", JsonKind.PLAIN, dialect.time_sql.format("updated_at")),
        JsonField("image_url", JsonKind.TEXT, "image_url"),
    ]
