"""The SQL of one page: a covering keyset scan finds the ids, then their rows are read by primary key."""

from dataclasses import dataclass

from farmlokal.catalog.listing_query import Filters, ListingQuery, Position, Sort
from farmlokal.catalog.planning.plan import Plan, Scan
from farmlokal.database.dialect import Dialect

# What a page shows of a product, in the order that `rendering` reads; the sort value follows as the last one. A JSON
# array, not a column each: the driver decodes cell by cell in Python, which took longer than the query.
_SHOWN = (
    "JSON_ARRAY(id, name, category, {price}, unit, farm_id, farm_name, market, district, state, lat, lon, stock, "
    "organic, rating, {created_at}, {updated_at}, {sort_value})"
)


Condition = tuple[str, list[object]]
"""SQL with `%s` marks, and the parameters that go in their places."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `%s` marks, and what goes in their places."""

    sql: str
    params: tuple[object, ...]


def page_statement(query: ListingQuery, dialect: Dialect, plan: Plan) -> Statement:
    """The statement for one more row than the page shows (the one that tells `has_more`), found by the scans of `plan`.

    For the second page of vegetables by price, on MySQL::

        SELECT GROUP_CONCAT(JSON_ARRAY(id, name, …, price) ORDER BY price, id SEPARATOR ',')
        FROM products JOIN (
            SELECT id AS page_id, price AS found FROM products FORCE INDEX (products_of_category_by_price)
            WHERE live = 1 AND category = 'vegetables'
              AND price >= '24.50' AND (price > '24.50' OR (price = '24.50' AND id > 918273))
            ORDER BY price, id LIMIT 21
        ) AS page ON id = page_id

    Several scans (of categories, or of ties and the rest) are merged: each finds its own limit + 1 ids with their sort
    values, and the first of all are kept::

        JOIN (SELECT page_id FROM (SELECT id AS page_id, price AS found … LIMIT 21) AS scan_0
              UNION ALL SELECT … ORDER BY found, page_id LIMIT 21) AS page

    A backward position walks the reversed order: the caller turns the rows round.
    """
    sort = query.sort.reversed() if query.position and query.position.backward else query.sort
    scans = [
        _scan(scan, sort, keyset, query.limit + 1, dialect)
        for scan in plan.scans
        for keyset in _keysets(sort, query.position, dialect, apart=scan.ties_apart)
    ]
    ids = scans[0] if len(scans) == 1 else _merged(scans, sort, query.limit + 1)
    sql = dialect.in_order_sql.format(
        row=_shown(dialect, sort.column),
        found=f"products JOIN ({ids.sql}) AS page ON id = page_id",
        order=order_by(sort),
    )
    return Statement(sql, ids.params)


def _keysets(sort: Sort, position: Position | None, dialect: Dialect, *, apart: bool) -> list[Condition]:
    if position is None:
        return [("", [])]
    return ties_and_rest(sort, position, dialect) if apart else [keyset_condition(sort, position, dialect)]


def _scan(scan: Scan, sort: Sort, keyset: Condition, rows: int, dialect: Dialect) -> Statement:
    conditions, params = filter_conditions(scan.filters, dialect)
    condition, values = keyset
    if condition:
        conditions.append(condition)
    sql = (
        f"SELECT id AS page_id, {sort.column} AS found FROM products {dialect.index_hint.format(scan.index)}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order_by(sort)} LIMIT {rows}"
    )
    return Statement(sql, (*params, *values))


def _merged(scans: list[Statement], sort: Sort, rows: int) -> Statement:
    direction = " DESC" if sort.descending else ""
    parts = [f"SELECT page_id, found FROM ({scan.sql}) AS scan_{number}" for number, scan in enumerate(scans)]
    sql = f"{' UNION ALL '.join(parts)} ORDER BY found{direction}, page_id{direction} LIMIT {rows}"
    return Statement(sql, tuple(param for scan in scans for param in scan.params))


def product_statement(dialect: Dialect) -> str:
    """The statement for one live product by its id, as a page's row."""
    return f"SELECT {_shown(dialect, 'id')} FROM products WHERE id = %s AND live = 1"


def _shown(dialect: Dialect, sort_column: str) -> str:
    expressions = {
        "price": dialect.price_sql,
        "created_at": dialect.time_sql.format("created_at"),
        "updated_at": dialect.time_sql.format("updated_at"),
    }
    return _SHOWN.format(**expressions, sort_value=expressions.get(sort_column, sort_column))


def filter_conditions(filters: Filters, dialect: Dialect) -> tuple[list[str], list[object]]:
    """What a row must satisfy, as conditions to be joined by AND, and their parameters."""
    conditions = ["live = 1"]
    params: list[object] = []
    if len(filters.categories) == 1:
        conditions.append("category = %s")
        params += filters.categories
    elif filters.categories:
        conditions.append(f"category IN ({', '.join(['%s'] * len(filters.categories))})")
        params += filters.categories
    simple = (
        ("price >= %s", None if filters.min_price_paise is None else dialect.price_in(filters.min_price_paise)),
        ("price <= %s", None if filters.max_price_paise is None else dialect.price_in(filters.max_price_paise)),
        ("district_key = %s", filters.district_key),
        ("state_key = %s", filters.state_key),
        ("farm_id = %s", filters.farm_id),
        ("in_stock = %s", None if filters.in_stock is None else int(filters.in_stock)),
        ("organic = %s", None if filters.organic is None else int(filters.organic)),
    )
    for condition, value in simple:
        if value is not None:
            conditions.append(condition)
            params.append(value)
    return conditions, params


def keyset_condition(sort: Sort, position: Position, dialect: Dialect) -> Condition:
    """The rows past `position` in the order of `sort`.

    The expanded form, not `(a, id) > (x, y)`, which MySQL answers by reading the whole prefix; the leading bound is
    implied by the rest, but gives the optimiser a range to start from.
    """
    past = "<" if sort.descending else ">"
    column = sort.column
    value = _stored(sort, position, dialect)
    condition = f"{column} {past}= %s AND ({column} {past} %s OR ({column} = %s AND id {past} %s))"
    return condition, [value, value, value, position.id]


def ties_and_rest(sort: Sort, position: Position, dialect: Dialect) -> list[Condition]:
    """The same rows in two parts: those that tie with `position`, and those past its value.

    Where a large part of the index ties, MySQL finds the two ranges together no narrower than all of it, and walks from
    the index's beginning instead; each by itself it takes.
    """
    past = "<" if sort.descending else ">"
    value = _stored(sort, position, dialect)
    return [(f"{sort.column} = %s AND id {past} %s", [value, position.id]), (f"{sort.column} {past} %s", [value])]


def _stored(sort: Sort, position: Position, dialect: Dialect) -> object:
    if isinstance(position.value, int) and sort.name == "price":
        return dialect.price_in(position.value)
    if isinstance(position.value, str) and sort.name == "created_at":
        return dialect.time_in(position.value)
    return position.value


def order_by(sort: Sort) -> str:
    """`price DESC, id DESC`: ties by id in the same direction."""
    direction = " DESC" if sort.descending else ""
    return f"{sort.column}{direction}, id{direction}"
