"""Questions drawn as users and crawlers ask them: typical, rare, mid-selectivity, correlated and empty."""

import random
from collections import namedtuple
from collections.abc import Callable
from functools import cache, partial
from operator import itemgetter
from typing import Any

from farmlokal.catalog.planning.rows import Rows
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import Position, sorts_of
from farmlokal.catalog.question.storage import SampledRow
from farmlokal.catalog.question.table import TABLE, QuestionTable

FIELDS = (
    *("category", "categories", "price", "district", "state", "farm", "in_stock", "organic"),
    *("districts", "states", "farms", "rated", "unit"),
)


def where(**values: Any) -> Filters:
    """The filters that parameters ask for. values: by the parameters' names, as their forms read them, or None.

    One value may stand for a list of one.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        if TABLE.parameters[name].several is not None and isinstance(value, str | int):
            given[name] = [value]
    return TABLE.filters_of(given)


@cache
def row_type(table: QuestionTable = TABLE) -> Any:
    """A named tuple with the columns that are sampled for `table`."""
    return namedtuple("SampledRow", table.places)


def row_order(sort: str, table: QuestionTable = TABLE) -> Callable[[SampledRow], tuple[Any, ...]]:
    """What gives the value and the id of a sampled row's position in the order of the sort with this name."""
    return itemgetter(table.places[table.sort_key(sort).sampled.name], table.places["id"])


def held(sample: Sample, name: str) -> list[Any]:
    """The values that sampled products have in a column, sorted."""
    column = sample.columns[name]
    return [column.value_of(code) for code in sorted(set(column.codes)) if code != column.missing]


def draw_question(draw: random.Random, sample: Sample, fields: list[str]) -> ListingQuery:
    """A question with a filter on each of `fields`, on the first page or deep, forward or back.

    The filters' values come from one product (correlated) or from several (often empty).
    """
    rows, named = sample.by_sort["created_at"], row_type(sample.table)._make
    categories = held(sample, "category")
    product = named(draw.choice(rows))
    values: dict[str, Any] = {}
    for field in fields:
        if draw.random() < 0.5:
            product = named(draw.choice(rows))
        if field == "category":
            slug = draw.choice(categories) if draw.random() < 0.5 else product.category
            values["category"] = [slug]
        elif field == "categories":
            values["category"] = draw.sample(categories, draw.randint(2, 8))
        elif field == "price":
            only = values.get("category", ())
            of_category = sample.of_index["listing_of_category_by_price"]
            by_price = of_category[only[0]] if len(only) == 1 else sample.by_sort["price"]
            values |= _price_range(draw, by_price)
        elif field == "district":
            values["district"] = product.district_key if draw.random() < 0.9 else "nowhere"
        elif field in ("state", "farm"):
            values |= {"state": product.state_key} if field == "state" else {"farm_id": product.farm_id or 1}
        elif field in _OF_SAMPLE:
            values |= _OF_SAMPLE[field](draw, sample)
        else:
            values[field] = draw.random() < 0.7
    sort = draw.choice(list(sorts_of(sample.table.sort_keys).values()))
    position = None
    if draw.random() < 0.6:
        value, row_id = row_order(sort.name, sample.table)(draw.choice(rows))
        position = Position(value, row_id, backward=draw.random() < 0.3)
    return ListingQuery(where(**values), sort, 20, position)


def _several(parameter: str, column: str, draw: random.Random, sample: Sample) -> dict[str, Any]:
    """Two to twenty of the values that products have."""
    values = held(sample, column)
    return {parameter: draw.sample(values, min(len(values), draw.randint(2, 20)))}


_OF_SAMPLE: dict[str, Callable[[random.Random, Sample], dict[str, Any]]] = {
    "districts": partial(_several, "district", "district_key"),
    "states": partial(_several, "state", "state_key"),
    "farms": partial(_several, "farm_id", "farm_id"),
    "unit": lambda draw, sample: {"unit": draw.choice(sample.by_sort["name"])[sample.table.places["unit"]]},
    "rated": lambda draw, _: {"min_rating": draw.choice([1, 301, 401, 421, 451, 481, 491, 501])},
}


def _price_range(draw: random.Random, by_price: Rows) -> dict[str, int]:
    """A range that from a ten-thousandth to all of the products pass, now and then open at one end."""
    width = 10 ** draw.uniform(-4, 0)
    start = 1 - width if draw.random() < 0.25 else draw.uniform(0, 1 - width)
    last = len(by_price) - 1
    paise = TABLE.places["price_paise"]
    low, high = by_price[int(start * last)][paise], by_price[min(last, int((start + width) * last))][paise]
    kind = draw.random()
    if kind < 0.15:
        return {"min_price": low}
    if kind < 0.3:
        return {"max_price": high}
    return {"min_price": low, "max_price": high}
