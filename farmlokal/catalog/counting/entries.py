"""Counting in the database, by one statement that reads no more entries of an index than it is allowed to."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from farmlokal.catalog.counting.ranges import Range
from farmlokal.catalog.counting.sampled_bits import Tally
from farmlokal.catalog.question.facets import Facet
from farmlokal.catalog.question.filter import Condition, Filter
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.reading.statement import Statement, cells_condition
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import TextRow

# What is counted beside the facets, each by a number as facets have them: all entries that are read, and all products
# that pass every filter.
_READ, _TOTAL = 0, 1
_FIRST_FACET = 2


class Counted(NamedTuple):
    """What a statement counted. entries: that it read; the tally holds if they are fewer than it was allowed to."""

    entries: int
    tally: Tally


def counting_statement(
    counted: Range, filters: Filters, facets: Sequence[Facet], entries_max: int, dialect: Dialect
) -> Statement:
    """The statement that counts what passes `filters` in a range, and by each of `facets` without its own filters.

    For organic products of a district, of 10,000 entries at most, on MySQL::

        SELECT counted, CASE counted WHEN 2 THEN value_0 WHEN 3 THEN value_1 … END AS value, COUNT(*) AS products
        FROM (
            SELECT category AS value_0, CASE WHEN price < '5.00' THEN 0 … ELSE 10 END AS value_1, …,
                   (organic = 1) AS passes_0
            FROM products FORCE INDEX (listing_of_district) WHERE live = 1 AND district_key = 'pune' LIMIT 10000
        ) AS entry CROSS JOIN (SELECT 0 AS counted UNION ALL SELECT 1 UNION ALL …) AS what
        WHERE (passes_0 = 1 OR counted IN (0, 4)) GROUP BY counted, value

    The inner part has no other condition than those of the range: each entry that it reads counts for its LIMIT. It is
    read once, for all facets (in MariaDB a common table expression would be read by each of those who use it).
    """
    flags = [(one, one.condition(value, dialect)) for one, value in filters if (one, value) not in counted.passed]
    columns: list[Condition] = []
    for number, facet in enumerate(facets):
        text, params = facet.expression(dialect)
        columns.append((f"{text} AS value_{number}", params))
    for number, (_, (text, params)) in enumerate(flags):
        columns.append((f"({text}) AS passes_{number}", params))
    conditions = [one.condition(value, dialect) for one, value in counted.passed]
    if counted.cells:
        conditions.append(cells_condition(counted.cells))
    entries = (
        f"SELECT {', '.join([text for text, _ in columns])} FROM products"
        f" {dialect.index_hint.format(counted.through.name)}"
        f" WHERE {' AND '.join(['live = 1', *[text for text, _ in conditions]])} LIMIT {entries_max}"
    )
    what = " UNION ALL ".join([f"SELECT {number} AS counted" for number in range(_FIRST_FACET + len(facets))])
    values = "".join([f" WHEN {_FIRST_FACET + number} THEN value_{number}" for number in range(len(facets))])
    value = f"CASE counted{values} END" if facets else "NULL"
    passing = [_passes(number, one, facets) for number, (one, _) in enumerate(flags)]
    return Statement(
        f"SELECT counted, {value} AS value, COUNT(*) AS products FROM ({entries}) AS entry CROSS JOIN ({what}) AS what"
        f"{' WHERE ' if passing else ''}{' AND '.join(passing)} GROUP BY counted, value",
        tuple([param for _, params in (*columns, *conditions) for param in params]),
    )


def counted_of(rows: Sequence[TextRow], facets: Sequence[Facet]) -> Counted:
    """What the statement for `facets` counted. rows: its answer."""
    totals = {_READ: 0, _TOTAL: 0}
    values: dict[Facet, Counter[Any]] = {facet: Counter() for facet in facets}
    for number, value, products in rows:
        what, count = int(number or b""), int(products or b"")
        if what < _FIRST_FACET:
            totals[what] = count
        elif value is not None:
            facet = facets[what - _FIRST_FACET]
            values[facet][facet.read(value.decode())] = count
    return Counted(totals[_READ], Tally(totals[_TOTAL], values))


def _passes(number: int, one: Filter, facets: Sequence[Facet]) -> str:
    """SQL that holds for what passes a filter, and for what is counted without it."""
    without = [_READ, *[_FIRST_FACET + place for place, facet in enumerate(facets) if facet.owns(one)]]
    return f"(passes_{number} = 1 OR counted IN ({', '.join(map(str, without))}))"
