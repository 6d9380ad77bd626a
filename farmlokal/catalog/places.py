"""Where products are, in whole numbers: the same on every database, with no floating point in SQL.

A position is the centre of a *cell*: one of 2²⁶ parts of 360° on both axes, 0.6 m of latitude. A cell's number
interleaves the bits of its row and of its column (a Morton code), so that every square of a quadtree is one range of
numbers. A position is kept as its cell and as *x*, *y*, *z*: the unit vector to the cell's centre times 10⁷, rounded.
The last two share a number. What distances are ordered and limited by is the squared chord between two such vectors, a
whole number below 2⁴⁹, which grows as the distance along the globe does.

Kilometres are made of it for people alone, on a sphere of the Earth's mean radius: up to 0.5 % from those on the
ellipsoid. Rounding moves a chord's length by a metre at most. That is a metre of distance nearby, 1.5 m at 10,000 km,
and ever more beyond, since a chord hardly grows any more near the other side of the globe: 80 m at 19,900 km, and up to
5 km at its very end.
"""

import math
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0088
"""The mean radius (IUGG)."""
CELL_BITS = 26
"""Of each of the two axes: a cell's number has twice as many."""
CELLS = 1 << (2 * CELL_BITS)
VECTOR_LENGTH = 10_000_000
PACKED_BITS = 25
"""Of each of the two coordinates in one number: 2 · 10⁷ fits, so that neither is below zero."""

_AXIS = 1 << CELL_BITS
_ROW_MAX = _AXIS // 4 * 3 - 1  # the last whole row before the north pole: 90° itself is its edge


class Vector(NamedTuple):
    """The unit vector to a place, times `VECTOR_LENGTH`, rounded."""

    x: int
    y: int
    z: int


def cell_at(lat: float, lon: float) -> int:
    """The number of the cell that a position lies in. lat, lon: decimal degrees, within the globe.

    180° and -180° are the same meridian, and a pole is one place whatever its longitude.
    """
    return cell_number(*row_and_column_at(lat, lon))


def row_and_column_at(lat: float, lon: float) -> tuple[int, int]:
    """Row and column of the cell that `cell_at` gives for a position."""
    if abs(lat) >= 90:
        lon = 0.0
    return min(int((lat + 180) / 360 * _AXIS), _ROW_MAX), int((lon + 180) / 360 * _AXIS) % _AXIS


def cell_number(row: int, column: int) -> int:
    """The number of the cell in a row and a column."""
    return _spread(row) << 1 | _spread(column)


def centre_of(cell: int) -> tuple[float, float]:
    """Latitude and longitude, in degrees, of the centre of a cell."""
    row, column = row_and_column(cell)
    return degrees_of(row + 0.5), degrees_of(column + 0.5)


def vector_of(cell: int) -> Vector:
    """The vector to the centre of a cell."""
    return vector_to(*row_and_column(cell))


def vector_to(row: int, column: int) -> Vector:
    """The vector to the centre of the cell in a row and a column."""
    lat, lon = math.radians(degrees_of(row + 0.5)), math.radians(degrees_of(column + 0.5))
    level = VECTOR_LENGTH * math.cos(lat)
    return Vector(round(level * math.cos(lon)), round(level * math.sin(lon)), round(VECTOR_LENGTH * math.sin(lat)))


def packed(vector: Vector) -> int:
    """Y and z as one number: each plus `VECTOR_LENGTH`, the first in the higher bits.

    MySQL's optimiser takes an index for covering that has at most fifteen columns; this saves one.
    """
    return (vector.y + VECTOR_LENGTH) << PACKED_BITS | (vector.z + VECTOR_LENGTH)


def squared_chord(one: Vector, other: Vector) -> int:
    """The square of the chord between two places, in units of `VECTOR_LENGTH`: what distances are compared by."""
    return (one.x - other.x) ** 2 + (one.y - other.y) ** 2 + (one.z - other.z) ** 2


def squared_chord_of(distance_km: float) -> int:
    """The greatest squared chord that is no longer than a distance along the globe."""
    return math.floor((2 * VECTOR_LENGTH * math.sin(distance_km / EARTH_RADIUS_KM / 2)) ** 2)


def kilometres(squared: int) -> float:
    """The distance along the globe that a squared chord stands for, to three decimals."""
    # Rounded vectors may be a little further apart than the diameter.
    share = min(1.0, math.sqrt(squared) / (2 * VECTOR_LENGTH))
    return round(2 * EARTH_RADIUS_KM * math.asin(share), 3)


def row_and_column(cell: int) -> tuple[int, int]:
    """Row and column of a cell: so many cells lie south of it as far as -180°, and west of it."""
    return _gathered(cell >> 1), _gathered(cell)


def first_cell(level: int, row: int, column: int) -> int:
    """The first cell of a square of a quadtree: one of 2 to the power of `level` rows and as many columns."""
    width = CELL_BITS - level
    return cell_number(row << width, column << width)


def degrees_of(index: float) -> float:
    """Latitude or longitude of the southern or western border of a row or column."""
    return index / _AXIS * 360 - 180


def _spread(number: int) -> int:
    """The lowest 26 bits of a number, each with a zero before it."""
    number = (number | number << 16) & 0x0000FFFF0000FFFF
    number = (number | number << 8) & 0x00FF00FF00FF00FF
    number = (number | number << 4) & 0x0F0F0F0F0F0F0F0F
    number = (number | number << 2) & 0x3333333333333333
    return (number | number << 1) & 0x5555555555555555


def _gathered(number: int) -> int:
    """Every second bit of a number: what `_spread` makes, undone."""
    number &= 0x5555555555555555
    number = (number | number >> 1) & 0x3333333333333333
    number = (number | number >> 2) & 0x0F0F0F0F0F0F0F0F
    number = (number | number >> 4) & 0x00FF00FF00FF00FF
    number = (number | number >> 8) & 0x0000FFFF0000FFFF
    return (number | number >> 16) & 0x0000000003FFFFFF
