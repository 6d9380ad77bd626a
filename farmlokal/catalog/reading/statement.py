"""The SQL of one page: a covering keyset scan finds the ids, then their rows are read by primary key.

The text depends on the shape of a question alone (which filters, which order, which indexes) and is made once for each
shape; what changes from one question to the next are parameters.
"""

from functools import lru_cache
from typing import NamedTuple

from farmlokal.catalog.planning.plan import Plan, Scan
from farmlokal.catalog.question.query import Filters, ListingQuery, Position, Sort
from farmlokal.catalog.reading.schemas import CURRENCY
from farmlokal.database.dialect import Dialect
from farmlokal.database.json_sql import JsonField, JsonKind

# About 3 KB each. Few of the possible shapes are ever asked for.
_SHAPES_MAX = 1024
_FILTER_SQL = ("price >= %s", "price <= %s", "district_key = %s", "state_key = %s", "farm_id = %s", "in_stock = %s",
               "organic = %s")  # fmt: skip


class Statement(NamedTuple):
    """SQL with `%s` marks, and what goes in their places."""

    sql: str
    params: tuple[object, ...]


class _ScanShape(NamedTuple):
    """What of a scan its SQL depends on. given: for each of `_FILTER_SQL`, whether it is asked for."""

    index_name: str
    categories: int
    given: tuple[bool, ...]
    ties_apart: bool


def page_statement(query: ListingQuery, dialect: Dialect, plan: Plan) -> Statement:
    """The statement for one more row than the page shows (the one that tells `has_more`), found by the scans of `plan`.

    Each row is the product's finished JSON object and its sort value, as texts. For the second page of vegetables by
    price, on MySQL::

        SELECT CONCAT('{"id":',id,',"name":',…,'}') AS product, price AS place
        FROM products JOIN (
            SELECT id AS page_id, price AS found FROM products FORCE INDEX (products_of_category_by_price)
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

    A backward position walks the reversed order: the caller turns the rows round.
    """
    position = query.position
    sort = query.sort.reversed() if position and position.backward else query.sort
    shapes, params = [], []
    for scan in plan.scans:
        values = _filter_values(scan.filters, dialect)
        given = tuple([value is not None for value in values])
        shapes.append(_ScanShape(scan.index, len(scan.filters.categories), given, scan.ties_apart))
        wanted = [*scan.filters.categories, *[value for value in values if value is not None]]
        for keyset in _keyset_values(scan, sort, position, dialect):
            params += wanted
            params += keyset
    sql = _page_sql(dialect, sort, query.limit + 1, tuple(shapes), past=position is not None)
    return Statement(sql, tuple(params))


@lru_cache(_SHAPES_MAX)
def product_statement(dialect: Dialect) -> str:
    """The statement for one live product by its id, as its finished JSON object."""
    return f"SELECT {_product_json(dialect)} AS product FROM products WHERE id = %s AND live = 1"


@lru_cache(_SHAPES_MAX)
def _page_sql(dialect: Dialect, sort: Sort, rows: int, shapes: tuple[_ScanShape, ...], *, past: bool) -> str:
    scans = [
        _scan_sql(shape, sort, keyset, rows, dialect)
        for shape in shapes
        for keyset in (_keyset_sql(sort, apart=shape.ties_apart) if past else [""])
    ]
    direction = " DESC" if sort.descending else ""
    found_order = f"found{direction}, page_id{direction}"
    ids = scans[0]
    if len(scans) > 1:
        parts = [f"SELECT page_id, found FROM ({scan}) AS scan_{number}" for number, scan in enumerate(scans)]
        ids = f"{' UNION ALL '.join(parts)} ORDER BY {found_order} LIMIT {rows}"
    place = {"price": dialect.price_sql, "created_at": dialect.time_sql.format("created_at")}
    return (
        f"SELECT {_product_json(dialect)} AS product, {place.get(sort.column, sort.column)} AS place"
        f" FROM products JOIN ({ids}) AS page ON id = page_id ORDER BY {found_order}"
    )


def _scan_sql(shape: _ScanShape, sort: Sort, keyset: str, rows: int, dialect: Dialect) -> str:
    conditions = ["live = 1"]
    if shape.categories:
        marks = ", ".join(["%s"] * shape.categories)
        conditions.append(f"category IN ({marks})" if shape.categories > 1 else "category = %s")
    conditions += [sql for sql, given in zip(_FILTER_SQL, shape.given, strict=True) if given]
    if keyset:
        conditions.append(keyset)
    direction = " DESC" if sort.descending else ""  # ties by id in the same direction
    return (
        f"SELECT id AS page_id, {sort.column} AS found FROM products {dialect.index_hint.format(shape.index_name)}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {sort.column}{direction}, id{direction} LIMIT {rows}"
    )


def _keyset_sql(sort: Sort, *, apart: bool) -> list[str]:
    """The rows past a position in the order of `sort`, as one condition, or as two for a scan each.

    The expanded form, not `(a, id) > (x, y)`, which MySQL answers by reading the whole prefix; the leading bound is
    implied by the rest, but gives the optimiser a range to start from.

    apart: those that tie with the position, and those past its value. Where a large part of the index ties, MySQL finds
    the two ranges together no narrower than all of it, and walks from the index's beginning instead; each by itself it
    takes.
    """
    column, past = sort.column, "<" if sort.descending else ">"
    if apart:
        return [f"{column} = %s AND id {past} %s", f"{column} {past} %s"]
    return [f"{column} {past}= %s AND ({column} {past} %s OR ({column} = %s AND id {past} %s))"]


def _keyset_values(scan: Scan, sort: Sort, position: Position | None, dialect: Dialect) -> list[list[object]]:
    """The parameters of each of the scan's conditions by `_keyset_sql`."""
    if position is None:
        return [[]]
    value: object = position.value
    if isinstance(value, int) and sort.name == "price":
        value = dialect.price_in(value)
    elif isinstance(value, str) and sort.name == "created_at":
        value = dialect.time_in(value)
    if scan.ties_apart:
        return [[value, position.id], [value]]
    return [[value, value, value, position.id]]


def _filter_values(filters: Filters, dialect: Dialect) -> tuple[object, ...]:
    """The parameters of `_FILTER_SQL`; None for a filter that is not asked for."""
    low, high = filters.min_price_paise, filters.max_price_paise
    return (
        None if low is None else dialect.price_in(low),
        None if high is None else dialect.price_in(high),
        filters.district_key,
        filters.state_key,
        filters.farm_id,
        None if filters.in_stock is None else int(filters.in_stock),
        None if filters.organic is None else int(filters.organic),
    )


@lru_cache(2)
def _product_json(dialect: Dialect) -> str:
    """An expression for what clients see of a product: `shown.Product`, its fields in their order."""
    farm = dialect.json_object(
        [JsonField("id", JsonKind.NUMBER, "farm_id"), JsonField("name", JsonKind.TEXT, "farm_name")]
    )
    return dialect.json_object(
        [
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
        ]
    )
