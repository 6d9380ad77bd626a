"""The filter by a place: what is near a point, within a radius or wherever it is, and how its distance is computed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

from typing_extensions import override

from farmlokal.catalog.places import VECTOR_LENGTH, Vector, cell_at, squared_chord_of, vector_of
from farmlokal.catalog.question import storage
from farmlokal.catalog.question.filter import Condition, Contradiction, Filter, RowTest
from farmlokal.catalog.question.parameter import Form, QuestionParameter
from farmlokal.catalog.question.storage import Columns, SampledColumn
from farmlokal.database.dialect import Dialect

# What is asked for is rounded to these: at most 0.08 km away, and households that stand together ask one question.
_DECIMALS = Decimal("0.001")
_FRACTION = r"\.[0-9]{1,30}"
_LAT = rf"-?0*(?:[0-8]?[0-9](?:{_FRACTION})?|90(?:\.0{{1,30}})?)"
_LON = rf"-?0*(?:(?:1[0-7]|[0-9])?[0-9](?:{_FRACTION})?|180(?:\.0{{1,30}})?)"
_POINT = re.compile(rf"({_LAT}) *, *({_LON})", re.ASCII)
_RADIUS = re.compile(r"0*((?:[1-9][0-9]?|[1-4][0-9]{2})(?:\.[0-9])?|0?\.[1-9]|500(?:\.0)?)", re.ASCII)


class Point(NamedTuple):
    """A place that is asked for, in thousandths of a degree."""

    lat_e3: int
    lon_e3: int

    def __str__(self) -> str:
        return ",".join([f"{Decimal(part).scaleb(-3).normalize():f}" for part in self])


def _read_point(text: str) -> Point | None:
    match = _POINT.fullmatch(text)
    if match is None:
        return None
    lat, lon = [int(Decimal(part).quantize(_DECIMALS, ROUND_HALF_EVEN).scaleb(3)) for part in match.groups()]
    # One place has one name: a pole lies on every meridian, and the date line is 180° from either side.
    if abs(lat) == 90_000:
        lon = 0
    return Point(lat, 180_000 if lon == -180_000 else lon)


def _read_radius(text: str) -> int | None:
    match = _RADIUS.fullmatch(text)
    return int(Decimal(match[1]).scaleb(1)) if match else None


POINT = Form(
    _read_point,
    {"type": "string", "pattern": f"^{_POINT.pattern}$"},
    "must be latitude,longitude in decimal degrees: -90 to 90 and -180 to 180",
)
# Its value is in tenths of a kilometre.
RADIUS = Form(
    _read_radius,
    {"type": "string", "pattern": f"^{_RADIUS.pattern}$"},
    "must be a decimal from 0.1 to 500 with at most 1 decimal place",
    text=lambda tenths: f"{Decimal(tenths).scaleb(-1).normalize():f}",
)


class Nearby(NamedTuple):
    """What the filter by a place asks for.

    radius: in tenths of a kilometre; None where there is none. cell, origin: the point as products have theirs.
    within: the greatest squared chord to `origin` that passes; None without a radius.
    """

    point: Point
    radius: int | None
    cell: int
    origin: Vector
    within: int | None


def squared_chord_sql(origin: Vector) -> Condition:
    """An expression for a product's squared chord to `origin`: NULL where the product has no place."""
    y, z = origin.y + VECTOR_LENGTH, origin.z + VECTOR_LENGTH
    return SQUARED_CHORD_SQL, (origin.x, origin.x, y, y, z, z)


SQUARED_CHORD_SQL = " + ".join(
    [f"({column} - %s) * ({column} - %s)" for column in ("x", storage.SHIFTED_Y_SQL, storage.SHIFTED_Z_SQL)]
)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class NearFilter(Filter):
    """What has a place, and where a radius is given lies within it. Its value is a Nearby."""

    point: QuestionParameter
    radius: QuestionParameter

    @property
    @override
    def parameters(self) -> tuple[QuestionParameter, ...]:
        return (self.point, self.radius)

    @property
    @override
    def columns(self) -> tuple[SampledColumn, ...]:
        return (storage.CELL, storage.X, storage.Y, storage.Z)

    @override
    def read(self, values: Mapping[str, Any]) -> Nearby | None:
        point, radius = values.get(self.point.name), values.get(self.radius.name)
        if point is None:
            if radius is not None:
                raise Contradiction(self.radius.name, f"needs {self.point.name}", needs=self.point.name)
            return None
        cell = cell_at(point.lat_e3 / 1000, point.lon_e3 / 1000)
        within = None if radius is None else squared_chord_of(radius / 10)
        return Nearby(point, radius, cell, vector_of(cell), within)

    @override
    def texts(self, value: Any) -> Sequence[tuple[str, str]]:
        texts = [(self.point.name, self.point.form.text(value.point))]
        if value.radius is not None:
            texts.append((self.radius.name, self.radius.form.text(value.radius)))
        return texts

    @override
    def condition(self, value: Any, dialect: Dialect) -> Condition:
        if value.within is None:
            return "x IS NOT NULL", ()
        squared, params = squared_chord_sql(value.origin)
        return f"{squared} <= %s", (*params, value.within)

    @override
    def row_test(self, value: Any, columns: Columns) -> RowTest:
        of_x, of_y, of_z = (columns[column.name] for column in (storage.X, storage.Y, storage.Z))
        xs, ys, zs, nowhere = of_x.codes, of_y.codes, of_z.codes, of_x.missing
        (x, y, z), within = value.origin, value.within
        if within is None:
            return lambda rows: [place for place, number in rows if xs[number] != nowhere]
        return lambda rows: [
            place
            for place, number in rows
            if (xs[number] - x) ** 2 + (ys[number] - y) ** 2 + (zs[number] - z) ** 2 <= within and xs[number] != nowhere
        ]
