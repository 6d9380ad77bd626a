"""The listing as one would write it for a list in memory: what every backend must agree with."""

from functools import cmp_to_key
from typing import Any

from farmlokal.catalog.normalise import name_key, text_key
from farmlokal.catalog.places import cell_at, squared_chord, vector_of
from farmlokal.catalog.question.filters import (
    CATEGORY,
    DISTRICT,
    FARM,
    IN_STOCK,
    NEAR,
    ORGANIC,
    PRICE,
    RATED,
    STATE,
    UNIT,
)
from farmlokal.catalog.question.near import Nearby
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.sorts import Sort
from farmlokal.catalog.records import ProductRecord

# A product with the id that the store gave it, and the id of its farm.
Listed = tuple[int, ProductRecord, int | None]


def reference_listing(products: list[Listed], filters: Filters, sort: Sort) -> list[int]:
    """The ids of every product that passes `filters`, in the order of `sort`."""
    kept = [listed for listed in products if passes(listed, filters)]

    def compare(one: Listed, other: Listed) -> int:
        a, b = [(_value(record, filters, sort.name), row_id) for row_id, record, _ in (one, other)]
        order = (a > b) - (a < b)
        return -order if sort.descending else order

    return [listed[0] for listed in sorted(kept, key=cmp_to_key(compare))]


def passes(listed: Listed, filters: Filters) -> bool:
    """Whether a product passes `filters`."""
    _, record, farm_id = listed
    low, high = filters.get(PRICE) or (None, None)
    checks = (
        filters.get(CATEGORY) is None or record.category in filters.get(CATEGORY),
        low is None or record.price_paise >= low,
        high is None or record.price_paise <= high,
        filters.get(DISTRICT) is None or text_key(record.district or "") in filters.get(DISTRICT),
        filters.get(STATE) is None or text_key(record.state or "") in filters.get(STATE),
        filters.get(FARM) is None or farm_id in filters.get(FARM),
        filters.get(RATED) is None or (record.rating is not None and record.rating * 100 >= filters.get(RATED).low - 1),
        filters.get(UNIT) in (None, record.unit),
        filters.get(IN_STOCK) in (None, (record.stock or 0) > 0),
        filters.get(ORGANIC) in (None, record.organic),
        filters.get(NEAR) is None or _is_near(record, filters.get(NEAR)),
    )
    return all(checks)


def squared_to(near: Nearby, record: ProductRecord) -> int:
    """The squared chord between a question's point and a product that has a place."""
    assert record.lat is not None
    assert record.lon is not None
    return squared_chord(near.origin, vector_of(cell_at(record.lat, record.lon)))


def _is_near(record: ProductRecord, near: Nearby) -> bool:
    return record.lat is not None and (near.within is None or squared_to(near, record) <= near.within)


def _value(record: ProductRecord, filters: Filters, sort_name: str) -> Any:
    if sort_name == "distance":
        return squared_to(filters.get(NEAR), record)
    values = {
        "created_at": record.created_at,
        "price": record.price_paise,
        "name": name_key(record.name),
        "rating": -1.0 if record.rating is None else record.rating,
    }
    return values[sort_name]
