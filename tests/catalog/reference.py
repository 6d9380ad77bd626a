"""The listing as one would write it for a list in memory: what every backend must agree with."""

from functools import cmp_to_key
from typing import Any

from farmlokal.catalog.normalise import name_key, text_key
from farmlokal.catalog.question.filters import CATEGORY, DISTRICT, FARM, IN_STOCK, ORGANIC, PRICE, STATE
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.sorts import Sort
from farmlokal.catalog.records import ProductRecord

# A product with the id that the store gave it, and the id of its farm.
Listed = tuple[int, ProductRecord, int | None]


def reference_listing(products: list[Listed], filters: Filters, sort: Sort) -> list[int]:
    """The ids of every product that passes `filters`, in the order of `sort`."""
    kept = [listed for listed in products if _passes(listed, filters)]

    def compare(one: Listed, other: Listed) -> int:
        a, b = (_value(one[1], sort.name), one[0]), (_value(other[1], sort.name), other[0])
        order = (a > b) - (a < b)
        return -order if sort.descending else order

    return [listed[0] for listed in sorted(kept, key=cmp_to_key(compare))]


def _passes(listed: Listed, filters: Filters) -> bool:
    _, record, farm_id = listed
    low, high = filters.get(PRICE) or (None, None)
    checks = (
        filters.get(CATEGORY) is None or record.category in filters.get(CATEGORY),
        low is None or record.price_paise >= low,
        high is None or record.price_paise <= high,
        filters.get(DISTRICT) in (None, text_key(record.district or "")),
        filters.get(STATE) in (None, text_key(record.state or "")),
        filters.get(FARM) in (None, farm_id),
        filters.get(IN_STOCK) in (None, (record.stock or 0) > 0),
        filters.get(ORGANIC) in (None, record.organic),
    )
    return all(checks)


def _value(record: ProductRecord, sort_name: str) -> Any:
    values = {
        "created_at": record.created_at,
        "price": record.price_paise,
        "name": name_key(record.name),
        "rating": -1.0 if record.rating is None else record.rating,
    }
    return values[sort_name]
