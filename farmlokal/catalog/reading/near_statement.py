"""The SQL of a page by distance. What it is ordered by is computed from the point that is asked for, by every scan."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from farmlokal.catalog.planning.nearest import Round
from farmlokal.catalog.planning.planner import Plan
from farmlokal.catalog.question.filter import Condition
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import SQUARED_CHORD_SQL, squared_chord_sql
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, FOUND, Position, Sort
from farmlokal.catalog.reading.statement import Statement, cells_condition, rows_sql, scan_conditions
from farmlokal.database.dialect import Dialect

_PLACE_INDEX = DISTANCE.index.name
# About 4 KB each.
_SHAPES_MAX = 512


def round_statement(query: ListingQuery, dialect: Dialect, found: Round, rows: int) -> Statement:
    """The statement for the first so many rows that a round finds.

    For what is near, on MySQL::

        SELECT CONCAT('{"id":',id,…,'}') AS product, found AS place, found AS squared
        FROM products JOIN (
            SELECT page_id, found FROM (
                SELECT id AS page_id, (x - 2639) * (x - 2639) + (CAST(yz >> 25 AS SIGNED) - 17) * … AS found
                FROM products FORCE INDEX (listing_by_place)
                WHERE live = 1 AND (cell >= 7 AND cell < 9 OR cell >= 12 AND cell < 16)
            ) AS near WHERE found BETWEEN 17 AND 5000 AND (found > 17 OR page_id > 918273)
            ORDER BY found, page_id LIMIT 21
        ) AS page ON id = page_id ORDER BY found, page_id

    Each crowd is a scan of its own, which ends with the page, and is merged with the others::

        SELECT id AS page_id, CAST(4711 AS SIGNED) AS found FROM products FORCE INDEX (listing_by_place)
        WHERE live = 1 AND cell = 14 AND id > 918273 ORDER BY id LIMIT 21
    """
    sort = _sort(query)
    conditions = [one.condition(value, dialect) for one, value in query.filters.without(NEAR)]
    scans: list[_Scan] = []
    if found.ranges:
        within = [*conditions, cells_condition(found.ranges)]
        scans.append(_Scan(_PLACE_INDEX, within, _certain(found, sort)))
    for crowd in found.crowds:
        at = [*conditions, ("cell = %s", (crowd.cell,)), *_past_id(found.position, crowd.squared)]
        scans.append(_Scan(_PLACE_INDEX, at, [], crowd.squared))
    return _statement(query, scans, sort, rows, dialect)


def sorted_statement(query: ListingQuery, dialect: Dialect, plan: Plan, rows: int) -> Statement:
    """The statement for the first so many rows by distance, where `plan` sorts the ranges of other filters."""
    near = NEAR.condition(query.filters.get(NEAR), dialect)
    past = _past(query.position)
    scans = [_Scan(scan.index, [*scan_conditions(scan, dialect), near], past) for scan in plan.scans]
    return _statement(query, scans, _sort(query), rows, dialect)


class _Scan(NamedTuple):
    """One scan: its index, what holds of its rows, and of what it finds in them. crowd: the squared chord of all."""

    index_name: str
    conditions: Sequence[Condition]
    found_conditions: Sequence[Condition]
    crowd: int | None = None


class _ScanShape(NamedTuple):
    """What of a scan its SQL depends on."""

    index_name: str
    conditions: tuple[str, ...]
    found_conditions: tuple[str, ...]
    is_crowd: bool


def _sort(query: ListingQuery) -> Sort:
    return query.sort.reversed() if query.position is not None and query.position.backward else query.sort


def _statement(query: ListingQuery, scans: Sequence[_Scan], sort: Sort, rows: int, dialect: Dialect) -> Statement:
    _, origin = squared_chord_sql(query.filters.get(NEAR).origin)
    params: list[object] = []
    shapes: list[_ScanShape] = []
    for scan in scans:
        params += origin if scan.crowd is None else (scan.crowd,)
        for _, values in (*scan.conditions, *scan.found_conditions):
            params += values
        texts, found_texts = ([text for text, _ in each] for each in (scan.conditions, scan.found_conditions))
        shapes.append(_ScanShape(scan.index_name, tuple(texts), tuple(found_texts), scan.crowd is not None))
    return Statement(_page_sql(dialect, sort, rows, tuple(shapes)), tuple(params))


@lru_cache(_SHAPES_MAX)
def _page_sql(dialect: Dialect, sort: Sort, rows: int, shapes: tuple[_ScanShape, ...]) -> str:
    return rows_sql([_scan_sql(shape, sort, rows, dialect) for shape in shapes], sort, rows, dialect, FOUND)


def _scan_sql(shape: _ScanShape, sort: Sort, rows: int, dialect: Dialect) -> str:
    table = f"products {dialect.index_hint.format(shape.index_name)}"
    where = " AND ".join(["live = 1", *shape.conditions])
    if shape.is_crowd:
        # A parameter by itself would be a text to MySQL, and ordered as one.
        found = f"CAST(%s AS SIGNED) AS {FOUND}"
        direction = " DESC" if sort.descending else ""
        return f"SELECT id AS page_id, {found} FROM {table} WHERE {where} ORDER BY id{direction} LIMIT {rows}"
    squared = f"{SQUARED_CHORD_SQL} AS {FOUND}"
    past = f" WHERE {' AND '.join(shape.found_conditions)}" if shape.found_conditions else ""
    return (
        f"SELECT page_id, found FROM (SELECT id AS page_id, {squared} FROM {table} WHERE {where}) AS near"
        f"{past} ORDER BY {sort.order_by(FOUND, 'page_id')} LIMIT {rows}"
    )


def _certain(found: Round, sort: Sort) -> list[Condition]:
    """What a round is certain of, past its position. The distance of most rows is worked out once for it."""
    position = found.position
    if position is None:
        return [(f"{FOUND} {'>=' if sort.descending else '<='} %s", (found.until,))]
    ends = (found.until, position.value) if sort.descending else (position.value, found.until)
    past = "<" if sort.descending else ">"
    tied = f"({FOUND} {past} %s OR page_id {past} %s)"
    return [(f"{FOUND} BETWEEN %s AND %s", ends), (tied, (position.value, position.id))]


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
