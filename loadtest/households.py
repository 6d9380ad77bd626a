"""How users choose: a few things are asked for by nearly every household, most things by hardly anyone."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

_Item = TypeVar("_Item")

Filters = dict[str, Any]
"""Query parameters of a listing: each a text, or a list of texts where it is repeated."""

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

# How often a household narrows its listing by each filter, and leaves the order that it is shown first.
_CATEGORY_SHARE = 0.7
_DISTRICT_SHARE = 0.35
# Of those that name a district, and who then names two or three.
_SEVERAL_DISTRICTS_SHARE = 0.2
_PRICE_SHARE = 0.2
_SORT_SHARE = 0.25

# How often it asks what there is near its home, instead of in a district; and within which distance, if within any.
_NEAR_SHARE = 0.4
_RADIUS_SHARE = 0.8
_RADII_KM = ("10", "5", "25", "2", "50")
_NEAREST_FIRST = "distance"

# A home lies some kilometres from where something is sold: the standard deviation, in degrees, north and east. The app
# sends two decimals: neighbours within a kilometre or so ask one question, and nobody's door is given away.
_HOME_SPREAD_DEGREES = 0.03

# A crawler takes larger pages than an app does.
_CRAWLED_LIMITS = ("20", "50", "100")

# More districts than one household's region has, few enough that the most popular come up again and again.
_DISTRICTS_MAX = 200
_PLACES_MAX = 1_000


class Home(NamedTuple):
    """Where a household lives, in degrees."""

    lat: float
    lon: float

    @property
    def near(self) -> str:
        """The place as the app sends it."""
        return f"{self.lat:.2f},{self.lon:.2f}"


class Market:
    """What this process has learnt of the catalogue from the service's answers: categories, districts, places.

    The order in which they were learnt is their popularity: categories come largest first, districts as met. A place
    is there as often as it was met.
    """

    def __init__(self) -> None:
        self.categories: list[str] = []
        self._districts: dict[str, None] = {}
        self._places: list[Home] = []

    def __repr__(self) -> str:
        return f"<Market categories={len(self.categories)} districts={len(self._districts)} places={len(self._places)}>"

    def learn_categories(self, items: list[dict[str, Any]]) -> None:
        """Take the names from the data of `GET /categories`; an empty category attracts nobody."""
        by_size = sorted(items, key=lambda item: -int(item["products"]))
        self.categories = [item["category"] for item in by_size if item["products"]]

    def learn_products(self, products: list[dict[str, Any]]) -> None:
        """Take the districts and the places of listed `products`."""
        for product in products:
            if product["district"] and len(self._districts) < _DISTRICTS_MAX:
                self._districts.setdefault(product["district"])
            if product["lat"] is not None and len(self._places) < _PLACES_MAX:
                self._places.append(Home(product["lat"], product["lon"]))

    def home(self, rng: random.Random) -> Home | None:
        """A home for one household, where people live who sell; None while no place is known."""
        if not self._places:
            return None
        place = rng.choice(self._places)
        return Home(place.lat + rng.gauss(0, _HOME_SPREAD_DEGREES), place.lon + rng.gauss(0, _HOME_SPREAD_DEGREES))

    def filters(self, rng: random.Random, home: Home | None = None) -> Filters:
        """What one household with this home asks for; often nothing but the newest products."""
        chosen: Filters = {}
        if self.categories and rng.random() < _CATEGORY_SHARE:
            chosen["category"] = zipf_choice(self.categories, rng)
        if home is not None and rng.random() < _NEAR_SHARE:
            chosen |= _near(home, rng)
        elif self._districts and rng.random() < _DISTRICT_SHARE:
            chosen["district"] = self._some_districts(rng)
        if rng.random() < _PRICE_SHARE:
            chosen |= zipf_choice(_PRICE_RANGES, rng)
        if rng.random() < _SORT_SHARE:
            chosen["sort"] = zipf_choice(_SORTS, rng)
        return chosen

    def _some_districts(self, rng: random.Random) -> str | list[str]:
        known = list(self._districts)
        several = rng.randint(2, 3) if rng.random() < _SEVERAL_DISTRICTS_SHARE else 1
        chosen = sorted({zipf_choice(known, rng) for _ in range(several)})
        return chosen if len(chosen) > 1 else chosen[0]

    def crawled(self, rng: random.Random) -> Filters:
        """What a crawler walks to the end: all that one district has, or one category has there, in any order."""
        chosen: Filters = {"limit": rng.choice(_CRAWLED_LIMITS), "sort": rng.choice((_NEWEST_FIRST, *_SORTS))}
        if self._districts:
            chosen["district"] = rng.choice(list(self._districts))
        if self.categories and (not self._districts or rng.random() < _CATEGORY_SHARE):
            chosen["category"] = rng.choice(self.categories)
        return chosen


def _near(home: Home, rng: random.Random) -> Filters:
    within = {"radius_km": zipf_choice(_RADII_KM, rng)} if rng.random() < _RADIUS_SHARE else {}
    return {"near": home.near, **within, "sort": _NEAREST_FIRST}


def zipf_choice(items: Sequence[_Item], rng: random.Random) -> _Item:
    """One of `items`, the first most often: the weight of rank r is 1 / r."""
    weights = [1 / rank**_ZIPF_EXPONENT for rank in range(1, len(items) + 1)]
    return rng.choices(items, weights)[0]
