"""Where markets and farms lie: yards and cooperatives at the towns, other farms out along the roads."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from farmlokal.catalog.seed.draws import DRAWS
from farmlokal.catalog.seed.vocabulary import District

# Whole ten-thousandths of a degree: adding them up loses nothing, and divided by as many they give the very double that
# four decimals read back to.
PER_DEGREE = 10_000

_TOWN_SPREAD_E4 = 400  # what belongs to a town lies at most so far from its centre in each direction, about 4 km

# Roads lead to the nearest towns, unless these are so far away that the sea or a desert lies between. The farms of a
# district end half-way, where those of the next district begin.
_ROADS = 3
_ROAD_MAX_DEGREES = 1.5
_ROAD_SHARE = 0.5

_DRAWS = Struct("<2H")


class Point(NamedTuple):
    """A place, or the way from one to another, in ten-thousandths of a degree."""

    lat_e4: int
    lon_e4: int


class Places:
    """The places of markets and farms, by their district."""

    def __init__(self, districts: Sequence[District]) -> None:
        self._towns = {(district.name, district.state): _town(district) for district in districts}
        self._roads = {identity: _roads(town, self._towns.values()) for identity, town in self._towns.items()}

    def __repr__(self) -> str:
        return f"<Places towns={len(self._towns)}>"

    def yards(self, district: District) -> list[tuple[float, float]]:
        """Latitude and longitude of each market's yard: one place for everything that is sold there."""
        keys = (f"market {district.state}/{district.name}/{market}".encode() for market in district.markets)
        draws = (_DRAWS.unpack(blake2b(key, digest_size=_DRAWS.size).digest()) for key in keys)
        points = (self.in_town(district, *draw) for draw in draws)
        return [(lat_e4 / PER_DEGREE, lon_e4 / PER_DEGREE) for lat_e4, lon_e4 in points]

    def in_town(self, district: District, lat_draw: int, lon_draw: int) -> Point:
        """A place at the district's town."""
        town = self._towns[district.name, district.state]
        return Point(
            town.lat_e4 + lat_draw % (2 * _TOWN_SPREAD_E4) - _TOWN_SPREAD_E4,
            town.lon_e4 + lon_draw % (2 * _TOWN_SPREAD_E4) - _TOWN_SPREAD_E4,
        )

    def along_a_road(self, district: District, farm_number: int, in_town: Point) -> Point:
        """Where a farm lies that would otherwise be `in_town`: the farther out, the fewer there are."""
        roads = self._roads[district.name, district.state]
        if not roads:
            return in_town
        road_draw, way_draw = _DRAWS.unpack(blake2b(b"road %d" % farm_number, digest_size=_DRAWS.size).digest())
        road = roads[road_draw % len(roads)]
        share = _ROAD_SHARE * (way_draw / DRAWS) ** 2
        return Point(in_town.lat_e4 + round(road.lat_e4 * share), in_town.lon_e4 + round(road.lon_e4 * share))


def _town(district: District) -> Point:
    return Point(round(district.lat * PER_DEGREE), round(district.lon * PER_DEGREE))


def _roads(town: Point, towns: Iterable[Point]) -> list[Point]:
    """The ways from `town` to the towns nearest to it."""
    ways = [Point(other.lat_e4 - town.lat_e4, other.lon_e4 - town.lon_e4) for other in towns if other != town]
    nearest = sorted(ways, key=_squared)[:_ROADS]
    return [way for way in nearest if _squared(way) <= (_ROAD_MAX_DEGREES * PER_DEGREE) ** 2]


def _squared(way: Point) -> int:
    return way.lat_e4**2 + way.lon_e4**2
