"""The families of questions about what is near: from where, within which distance, of what, and how deep."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from farmlokal.catalog.places import cell_at, squared_chord, vector_of
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import POINT, RADIUS
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, Position, Sort
from tests.bench.families import TARGETS, target
from tests.bench.stand import Catalogue, Sampled
from tests.catalog.questions import where

# As the load test's households live: some kilometres from where something is sold.
HOME_SPREAD_DEGREES = 0.03


class NearQuestion(NamedTuple):
    """What is nearest to a place. radius_km: within which distance; category: only of this one. None for any.

    after: the product that the page before ended with, None on the first page.
    """

    lat: float
    lon: float
    radius_km: float | None
    category: str | None
    after: Sampled | None

    def target(self) -> str:
        """The request target that asks it."""
        near = POINT.read(f"{self.lat:.3f},{self.lon:.3f}")
        radius = None if self.radius_km is None else RADIUS.read(f"{self.radius_km:g}")
        category = None if self.category is None else [self.category]
        query = ListingQuery(where(near=near, radius_km=radius, category=category), Sort(DISTANCE))
        if self.after is None:
            return target(query)
        origin = query.filters.get(NEAR).origin
        place = vector_of(cell_at(self.after.lat or 0, self.after.lon or 0))
        return target(replace(query, position=Position(squared_chord(origin, place), self.after.id)))


@dataclass(frozen=True, slots=True)
class NearFamily:
    """One family. deep: pages that begin at a random product, on average with half of the catalogue before them."""

    radius_km: float | None = None
    of_category: bool = False
    deep: bool = False

    def questions(self, catalogue: Catalogue) -> list[NearQuestion]:
        """Up to 4,000 questions, the same for the same catalogue, each about another place."""
        return list(dict.fromkeys(self._drawn(catalogue, random.Random(1))))

    def _drawn(self, catalogue: Catalogue, draw: random.Random) -> Iterator[NearQuestion]:
        located = [row for row in catalogue.sampled if row.lat is not None]
        for number in range(TARGETS):
            seller, other = located[number % len(located)], draw.choice(located)
            yield NearQuestion(
                round((seller.lat or 0) + draw.gauss(0, HOME_SPREAD_DEGREES), 3),
                round((seller.lon or 0) + draw.gauss(0, HOME_SPREAD_DEGREES), 3),
                self.radius_km,
                other.category if self.of_category else None,
                other if self.deep else None,
            )


NEAR_FAMILIES = {
    "nearest, page 1, 2 km": NearFamily(2),
    "nearest, page 1, 10 km": NearFamily(10),
    "nearest, page 1, 50 km": NearFamily(50),
    "nearest, page 1, 500 km": NearFamily(500),
    "nearest, page 1, any distance": NearFamily(),
    "nearest of a category, page 1, 10 km": NearFamily(10, of_category=True),
    "nearest of a category, page 1, any distance": NearFamily(of_category=True),
    "nearest, deep": NearFamily(deep=True),
    "nearest of a category, deep": NearFamily(of_category=True, deep=True),
}
