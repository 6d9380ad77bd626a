"""Places and distances by the contract's words alone, in arithmetic of its own: what the listing must agree with."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from math import asin, cos, floor, pi, sin, sqrt
from typing import NamedTuple

_AXIS = 2**26
_LENGTH = 10**7
_RADIUS_KM = 6371.0088


class Place(NamedTuple):
    """The whole-numbered vector to the centre of the cell that a place lies in."""

    x: int
    y: int
    z: int

    @classmethod
    def of(cls, lat: Decimal, lon: Decimal) -> "Place":
        """The place at so many degrees. The poles have one longitude, and 180° is -180°."""
        if abs(lat) == 90:
            lon = Decimal(0)
        row, column = _cell(lat), _cell(lon) % _AXIS
        if lat == 90:
            row -= 1  # the last one, of which the pole is the edge
        north, east = (pi * (2 * (index + 0.5) / _AXIS - 1) for index in (row, column))
        return cls(*(round(_LENGTH * part) for part in (cos(north) * cos(east), cos(north) * sin(east), sin(north))))

    @classmethod
    def asked(cls, near: str) -> "Place":
        """The place that `near`, a latitude and a longitude, stands for."""
        lat, lon = (Decimal(text).quantize(Decimal("0.001"), ROUND_HALF_EVEN) for text in near.split(","))
        return cls.of(lat, lon)

    def squared_to(self, other: "Place") -> int:
        """The square of the straight way to another place."""
        return sum((one - two) ** 2 for one, two in zip(self, other, strict=True))


def kilometres(squared: int) -> float:
    """What a squared chord is along the globe."""
    return round(2 * _RADIUS_KM * asin(min(1.0, sqrt(squared) / (2 * _LENGTH))), 3)


def squared_of(radius_km: float) -> float:
    """The squared chord of a distance along the globe."""
    return (2 * _LENGTH * sin(radius_km / _RADIUS_KM / 2)) ** 2


def _cell(degrees: Decimal) -> int:
    return floor((Fraction(degrees) + 180) / 360 * _AXIS)
