"""The SQL of one page: a covering keyset scan finds the ids, then their rows are read by primary key."""

from dataclasses import dataclass

from farmlokal.catalog.listing_query import Filters, ListingQuery, Position, Sort
from farmlokal.database.dialect import Dialect

# What a page shows of a product, in the order that `rendering` reads; the sort value follows as the last column.
_SHOWN = (
    "id, name, category, {price_sql}, unit, farm_id, farm_name, market, district, state, lat, lon, stock, organic, "
    "rating, created_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `%s` marks, and what goes in their places."""

    sql: str
    params: tuple[object, ...]


def page_statement(query: ListingQuery, dialect: Dialect, index: str) -> Statement:
    """The statement for one more row than the page shows (the one that tells `has_more`), read through `index`.

    For the second page of vegetables by price, on MySQL::

        SELECT id, name, …, price AS sort_value
        FROM products JOIN (
            SELECT id AS page_id FROM products FORCE INDEX (products_of_category_by_price)
            WHERE live = 1 AND category = 'vegetables'
              AND price >= '24.50' AND (price > '24.50' OR (price = '24.50' AND id > 918273))
            ORDER BY price, id LIMIT 21
        ) AS page ON id = page_id
        ORDER BY price, id

    A backward position walks the reversed order: the caller turns the rows round.
    """
    sort = query.sort.reversed() if query.position and query.position.backward else query.sort
    conditions, params = filter_conditions(query.filters, dialect)
    if query.position is not None:
        condition, values = keyset_condition(sort, query.position, dialect)
        conditions.append(condition)
        params += values
    order = order_by(sort)
    sort_value = dialect.price_sql if sort.column == "price" else sort.column
    sql = (
        f"SELECT {_SHOWN.format(price_sql=dialect.price_sql)}, {sort_value}"
        f" FROM products JOIN (SELECT id AS page_id FROM products {dialect.index_hint.format(index)}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {query.limit + 1}) AS page ON id = page_id"
        f" ORDER BY {order}"
    )
    return Statement(sql, tuple(params))


def product_statement(dialect: Dialect) -> str:
    """The statement for one live product by its id, in the columns of a page."""
    return f"SELECT {_SHOWN.format(price_sql=dialect.price_sql)}, id FROM products WHERE id = %s AND live = 1"


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


def keyset_condition(sort: Sort, position: Position, dialect: Dialect) -> tuple[str, list[object]]:
    """The rows past `position` in the order of `sort`.

    The expanded form, not `(a, id) > (x, y)`, which MySQL answers by reading the whole prefix; the leading bound is
    implied by the rest, but gives the optimiser a range to start from.
    """
    past = "<" if sort.descending else ">"
    column = sort.column
    value: object = position.value
    if isinstance(position.value, int) and sort.name == "price":
        value = dialect.price_in(position.value)
    elif isinstance(position.value, str) and sort.name == "created_at":
        value = dialect.time_in(position.value)
    condition = f"{column} {past}= %s AND ({column} {past} %s OR ({column} = %s AND id {past} %s))"
    return condition, [value, value, value, position.id]


def order_by(sort: Sort) -> str:
    """`price DESC, id DESC`: ties by id in the same direction."""
    direction = " DESC" if sort.descending else ""
    return f"{sort.column}{direction}, id{direction}"
