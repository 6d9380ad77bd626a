"""Finding products by their unit, which no index of theirs has: by the names that have products of that unit."""

from dataclasses import replace

from farmlokal.catalog.planning.cost import Span, matches, row_filter
from farmlokal.catalog.planning.planner import Planner
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filters import CATEGORY, UNIT
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import CREATED_AT, DISTANCE
from farmlokal.catalog.question.words import NAMED, NAMES_MAX
from farmlokal.catalog.reading.searching import for_names
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.database.interface import Database

# What at least every other product has is met at once by a walk, which takes less than finding hundreds of names does.
_COMMON_SHARE = 0.5


async def in_place_of_unit(query: ListingQuery, database: Database, planner: Planner) -> ListingQuery | None:
    """What to ask in place of a question with a unit: by the names that have it, where that is cheaper.

    None where there are no such products. Raises Unavailable.
    """
    if is_common(query, planner.sample):
        return query
    found = await by_names(query, database)
    if found is None or found is query or query.sort.key is DISTANCE:
        return found
    # A name more in a list costs a statement about as much as an entry more.
    names_more = len(found.filters.get(NAMED)) - len(query.filters.get(NAMED) or ())
    return found if planner.plan(found).cost + names_more < planner.plan(query).cost else query


def is_common(query: ListingQuery, sample: Sample) -> bool:
    """Whether products of any kind have the unit of a question that is about no categories or names in particular."""
    filters = query.filters
    if filters.get(CATEGORY) is not None or filters.get(NAMED) is not None or not len(sample):
        return False
    everything = sample.by_sort[CREATED_AT.name].numbers
    of_unit = row_filter(Filters([(UNIT, filters.get(UNIT))]), sample)
    return matches(Span(everything), of_unit) >= _COMMON_SHARE * len(everything)


async def by_names(query: ListingQuery, database: Database) -> ListingQuery | None:
    """A question for the same products, with the names that have its unit; None where there are no such products.

    ::

        SELECT found.name_id, names.name, names.category, MIN(every_one.unit) = MAX(every_one.unit)
        FROM name_units AS found
        JOIN name_units AS every_one ON every_one.name_id = found.name_id
        JOIN names ON names.id = found.name_id AND names.category IN ('eggs')
        WHERE found.unit = 'dozen' GROUP BY found.name_id, names.name, names.category LIMIT 901

    Where all of these names have that unit alone, it need not be looked at any more: so are nearly all. More names than
    a question may have are common enough to be met by a walk, which reads rows for the unit. The names' categories are
    asked for with them: what is sold by the dozen lies at one end of all prices, and all over those of eggs.
    """
    unit, categories = query.filters.get(UNIT), query.filters.get(CATEGORY) or ()
    of_categories = f" AND names.category IN ({', '.join(['%s'] * len(categories))})" if categories else ""
    rows = await database.fetch(
        "SELECT found.name_id, names.name, names.category, MIN(every_one.unit) = MAX(every_one.unit)"
        " FROM name_units AS found"
        " JOIN name_units AS every_one ON every_one.name_id = found.name_id"
        f" JOIN names ON names.id = found.name_id{of_categories}"
        f" WHERE found.unit = %s GROUP BY found.name_id, names.name, names.category LIMIT {NAMES_MAX + 1}",
        (*categories, unit),
    )
    if len(rows) > NAMES_MAX:
        return query
    asked = query.filters.get(NAMED)
    found = [row for row in rows if asked is None or row[0] in asked]
    if not found:
        return None
    filters = for_names(query, [Name(*name) for *name, _ in found])
    return replace(query, filters=filters.without(UNIT) if all(only for *_, only in found) else filters)
