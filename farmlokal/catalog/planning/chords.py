"""Bounds of the chords from a point to what is in a square, by the haversine formula: its two terms are bounded apart.

Lengths are in units of `VECTOR_LENGTH`.
"""

import math

from farmlokal.catalog.places import CELL_BITS, VECTOR_LENGTH, centre_of, row_and_column, squared_chord, vector_of
from farmlokal.catalog.planning.quadtree import Border, Borders, Node

# Each end of a chord is a cell's centre, rounded in three coordinates: √3 · ½ at most, and as much for doubles.
_ROUNDING = 3.0
_DIAMETER = 2 * VECTOR_LENGTH
_HALF_TURN = 1 << (CELL_BITS - 1)


class Point:
    """A cell's centre, and the bounds of the chords from there to squares."""

    def __init__(self, cell: int) -> None:
        self._origin = vector_of(cell)
        self.row, self.column = row_and_column(cell)
        self._opposite = (self.column + _HALF_TURN) % (2 * _HALF_TURN)
        lat, lon = map(math.radians, centre_of(cell))
        self._lat_sine, self._lat_cosine = math.sin(lat / 2), math.cos(lat / 2)
        self._lon_sine, self._lon_cosine = math.sin(lon / 2), math.cos(lon / 2)
        self._level = math.cos(lat)

    def to_cell(self, cell: int) -> int:
        """The squared chord to another cell's centre."""
        return squared_chord(self._origin, vector_of(cell))

    def chords(self, borders: Borders, node: Node) -> tuple[float, float]:
        """The least and the greatest chord to what is in a square."""
        south, _, north, west, _, east = borders
        return self._chords(self._band(south, north), self._sector(west, east, node.level, node.column))

    def quarters(self, borders: Borders, node: Node) -> list[tuple[float, float]]:
        """The same for the quarters of a square, in their order."""
        level, column, chords = node.level + 1, 2 * node.column, self._chords
        if level == CELL_BITS:
            return [(chord, chord) for cell in range(node.first, node.end) for chord in [math.sqrt(self.to_cell(cell))]]
        south, parallel, north, west, meridian, east = borders
        left, right = self._sector(west, meridian, level, column), self._sector(meridian, east, level, column + 1)
        low, high = self._band(south, parallel), self._band(parallel, north)
        return [chords(low, left), chords(low, right), chords(high, left), chords(high, right)]

    def _band(self, south: Border, north: Border) -> tuple[float, float, float, float]:
        """Of the haversine of latitudes the bounds; of the product of the cosines the least and the greatest."""
        (sine, cosine, near), (north_sine, north_cosine, far) = south, north
        low = sine * self._lat_cosine - cosine * self._lat_sine
        high = north_sine * self._lat_cosine - north_cosine * self._lat_sine
        if near > far:
            near, far = far, near
        least, most = low * low, high * high
        if least > most:
            least, most = most, least
        return 0.0 if low <= 0.0 <= high else least, most, self._level * near, self._level * far

    def _sector(self, west: Border, east: Border, level: int, column: int) -> tuple[float, float]:
        """Of the haversine of longitudes the bounds: the same either way round the globe."""
        (sine, cosine, _), (east_sine, east_cosine, _) = west, east
        least = (sine * self._lon_cosine - cosine * self._lon_sine) ** 2
        most = (east_sine * self._lon_cosine - east_cosine * self._lon_sine) ** 2
        if least > most:
            least, most = most, least
        width = CELL_BITS - level
        if self.column >> width == column:
            least = 0.0
        if self._opposite >> width == column:
            most = 1.0
        return least, most

    def edge(self, south: Border, north: Border, west: Border, east: Border) -> float:
        """The least chord to what is not between these parallels and meridians, between which the point is."""
        rises = [sine * self._lat_cosine - cosine * self._lat_sine for sine, cosine, _ in (south, north)]
        turns = [sine * self._lon_cosine - cosine * self._lon_sine for sine, cosine, _ in (west, east)]
        rise, turn = min(map(abs, rises)), min(map(abs, turns))
        aside = self._level * min(south[2], north[2]) * turn * turn
        return max(0.0, _DIAMETER * math.sqrt(min(rise * rise, aside)) - _ROUNDING)

    @staticmethod
    def _chords(band: tuple[float, float, float, float], sector: tuple[float, float]) -> tuple[float, float]:
        rise, rise_max, near, far = band
        turn, turn_max = sector
        nearest = _DIAMETER * math.sqrt(rise + near * turn) - _ROUNDING
        furthest = rise_max + far * turn_max
        return max(0.0, nearest), _DIAMETER * math.sqrt(min(1.0, furthest)) + _ROUNDING
