"""How users choose: a few things are asked for by nearly every household, most things by hardly anyone."""

import random
from collections.abc import Sequence
from typing import Any, TypeVar

_Item = TypeVar("_Item")

Filters = dict[str, str]
"""Query parameters of a listing."""

# Exponent 1 is the classic Zipf law: the second most popular thing is asked for half as often as the first.
_ZIPF_EXPONENT = 1.0

# Rupees; the cheap end is where households look.
_PRICE_RANGES: Sequence[Filters] = (
    {"max_price": "50"},
    {"max_price": "100"},
    {"min_price": "20", "max_price": "100"},
    {"min_price": "100", "max_price": "500"},
    {"min_price": "500"},
)
_SORTS = ("price", "-rating", "-price", "name")
_NEWEST_FIRST = "-created_at"

# How often a household narrows its listing by each filter, and leaves the newest-first order.
_CATEGORY_SHARE = 0.7
_DISTRICT_SHARE = 0.35
_PRICE_SHARE = 0.2
_SORT_SHARE = 0.25

# A crawler takes larger pages than an app does.
_CRAWLED_LIMITS = ("20", "50", "100")

# More districts than one household's region has, few enough that the most popular come up again and again.
_DISTRICTS_MAX = 200


class Market:
    """What this process has learnt of the catalogue from the service's answers: categories and districts.

    The order in which they were learnt is their popularity: categories come largest first, districts as met.
    """

    def __init__(self) -> None:
        self.categories: list[str] = []
        self._districts: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<Market categories={len(self.categories)} districts={len(self._districts)}>"

    def learn_categories(self, items: list[dict[str, Any]]) -> None:
        """Take the names from the data of `GET /categories`; an empty category attracts nobody."""
        by_size = sorted(items, key=lambda item: -int(item["products"]))
        self.categories = [item["category"] for item in by_size if item["products"]]

    def learn_districts(self, products: list[dict[str, Any]]) -> None:
        """Take the districts of listed `products`."""
        for product in products:
            if product["district"] and len(self._districts) < _DISTRICTS_MAX:
                self._districts.setdefault(product["district"])

    def filters(self, rng: random.Random) -> Filters:
        """What one household asks for; often nothing but the newest products."""
        chosen: Filters = {}
        if self.categories and rng.random() < _CATEGORY_SHARE:
            chosen["category"] = zipf_choice(self.categories, rng)
        if self._districts and rng.random() < _DISTRICT_SHARE:
            chosen["district"] = zipf_choice(list(self._districts), rng)
        if rng.random() < _PRICE_SHARE:
            chosen |= zipf_choice(_PRICE_RANGES, rng)
        if rng.random() < _SORT_SHARE:
            chosen["sort"] = zipf_choice(_SORTS, rng)
        return chosen

    def crawled(self, rng: random.Random) -> Filters:
        """What a crawler walks to the end: all that one district has, or one category has there, in any order."""
        chosen: Filters = {"limit": rng.choice(_CRAWLED_LIMITS), "sort": rng.choice((_NEWEST_FIRST, *_SORTS))}
        if self._districts:
            chosen["district"] = rng.choice(list(self._districts))
        if self.categories and (not self._districts or rng.random() < _CATEGORY_SHARE):
            chosen["category"] = rng.choice(self.categories)
        return chosen


def zipf_choice(items: Sequence[_Item], rng: random.Random) -> _Item:
    """One of `items`, the first most often: the weight of rank r is 1 / r."""
    weights = [1 / rank**_ZIPF_EXPONENT for rank in range(1, len(items) + 1)]
    return rng.choices(items, weights)[0]
