"""The SQL of a page by distance. What it is ordered by is computed from the point that is asked for, by every scan."""

from collections.abc import Sequence

from farmlokal.catalog.planning.nearest import Round
from farmlokal.catalog.planning.planner import Plan
from farmlokal.catalog.question.filter import Condition
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import squared_chord_sql
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, FOUND, Position, Sort
from farmlokal.catalog.reading.statement import Statement, cells_condition, rows_sql, scan_conditions
from farmlokal.database.dialect import Dialect

_PLACE_INDEX = DISTANCE.index.name


def round_statement(query: ListingQuery, dialect: Dialect, found: Round, rows: int) -> Statement:
    """The statement for the first so many rows that a round finds.

    For what is near, on MySQL::

        SELECT CONCAT('{"id":',id,…,'}') AS product, found AS place, found AS squared
        FROM products JOIN (
            SELECT page_id, found FROM (
                SELECT id AS page_id, (x - 2639) * (x - 2639) + (CAST(yz >> 25 AS SIGNED) - 17) * … AS found
                FROM products FORCE INDEX (listing_by_place)
                WHERE live = 1 AND (cell >= 7 AND cell < 9 OR cell >= 12 AND cell < 16)
            ) AS near WHERE found <= 5000 AND (found > 17 OR (found = 17 AND page_id > 918273))
            ORDER BY found, page_id LIMIT 21
        ) AS page ON id = page_id ORDER BY found, page_id

    Each crowd is a scan of its own, which ends with the page, and is merged with the others::

        SELECT id AS page_id, 4711 AS found FROM products FORCE INDEX (listing_by_place)
        WHERE live = 1 AND cell = 14 AND id > 918273 ORDER BY id LIMIT 21
    """
    backward = query.position is not None and query.position.backward
    sort = query.sort.reversed() if backward else query.sort
    conditions = [one.condition(value, dialect) for one, value in query.filters.without(NEAR)]
    scans: list[Condition] = []
    if found.ranges:
        certain: Condition = (f"{FOUND} {'>=' if backward else '<='} %s", (found.until,))
        within = [*conditions, cells_condition(found.ranges)]
        scans.append(_scan(query, dialect, sort, _PLACE_INDEX, within, [certain, *_past(found.position)], rows))
    for crowd in found.crowds:
        at = [*conditions, ("cell = %s", (crowd.cell,)), *_past_id(found.position, crowd.squared)]
        texts, params = _joined(at)
        scan = (
            f"SELECT id AS page_id, %s AS found FROM products {dialect.index_hint.format(_PLACE_INDEX)}"
            f" WHERE live = 1 AND {texts} ORDER BY id{' DESC' if backward else ''} LIMIT {rows}"
        )
        scans.append((scan, (crowd.squared, *params)))
    return _statement(scans, sort, rows, dialect)


def sorted_statement(query: ListingQuery, dialect: Dialect, plan: Plan, rows: int) -> Statement:
    """The statement for the first so many rows by distance, where `plan` sorts the ranges of other filters."""
    position = query.position
    sort = query.sort.reversed() if position is not None and position.backward else query.sort
    scans = [
        _scan(query, dialect, sort, scan.index, scan_conditions(scan, dialect), _past(position), rows)
        for scan in plan.scans
    ]
    return _statement(scans, sort, rows, dialect)


def _scan(
    query: ListingQuery,
    dialect: Dialect,
    sort: Sort,
    index: str,
    conditions: Sequence[Condition],
    found_conditions: Sequence[Condition],
    rows: int,
) -> Condition:
    squared, origin = squared_chord_sql(query.filters.get(NEAR).origin)
    texts, params = _joined([("live = 1", ()), *conditions])
    found_texts, found_params = _joined(found_conditions)
    scan = (
        f"SELECT page_id, found FROM (SELECT id AS page_id, {squared} AS found FROM products"
        f" {dialect.index_hint.format(index)} WHERE {texts}) AS near"
        f"{' WHERE ' + found_texts if found_texts else ''} ORDER BY {sort.order_by(FOUND, 'page_id')} LIMIT {rows}"
    )
    return scan, (*origin, *params, *found_params)


def _past(position: Position | None) -> list[Condition]:
    if position is None:
        return []
    past = "<" if position.backward else ">"
    text = f"({FOUND} {past} %s OR ({FOUND} = %s AND page_id {past} %s))"
    return [(text, (position.value, position.value, position.id))]


def _past_id(position: Position | None, squared: int) -> list[Condition]:
    """The rows past the position among those that tie with it."""
    if position is None or position.value != squared:
        return []
    return [(f"id {'<' if position.backward else '>'} %s", (position.id,))]


def _joined(conditions: Sequence[Condition]) -> Condition:
    return " AND ".join([text for text, _ in conditions]), tuple(
        [value for _, values in conditions for value in values]
    )


def _statement(scans: Sequence[Condition], sort: Sort, rows: int, dialect: Dialect) -> Statement:
    texts, params = [text for text, _ in scans], [value for _, values in scans for value in values]
    return Statement(rows_sql(texts, sort, rows, dialect, FOUND), tuple(params))
