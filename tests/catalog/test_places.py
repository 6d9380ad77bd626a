"""Positions as whole numbers: cells, vectors, squared chords, and the kilometres that people see."""

import math
import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from farmlokal.catalog.places import (
    CELLS,
    EARTH_RADIUS_KM,
    VECTOR_LENGTH,
    Vector,
    cell_at,
    centre_of,
    kilometres,
    packed,
    squared_chord,
    squared_chord_of,
    vector_of,
)
from farmlokal.catalog.question import storage
from farmlokal.database.dialect import SQLITE

CELL_DEGREES = 360 / 2**26
lats, lons = st.floats(-90, 90), st.floats(-180, 180)
positions = st.tuples(lats, lons)


def haversine_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The distance on the sphere, in the way of the textbooks."""
    (lat, lon), (other_lat, other_lon) = (tuple(map(math.radians, position)) for position in (one, other))
    rise = math.sin((other_lat - lat) / 2) ** 2
    run = math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, rise + run)))


@given(positions)
@example((90.0, 180.0))
@example((-90.0, -180.0))
@example((-0.0, -0.0))
def test_a_position_lies_in_its_cell(position: tuple[float, float]) -> None:
    """A cell is one of 2⁵²; its centre is at most half a cell from the position, at the poles and 180° too."""
    lat, lon = position
    cell = cell_at(lat, lon)
    assert 0 <= cell < CELLS
    centre_lat, centre_lon = centre_of(cell)
    assert cell == cell_at(centre_lat, centre_lon)
    assert -90 < centre_lat < 90
    assert abs(centre_lat - lat) <= CELL_DEGREES * 0.5000001
    if abs(lat) < 90:
        assert abs(math.remainder(centre_lon - lon, 360)) <= CELL_DEGREES * 0.5000001


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((12.5, 180.0), (12.5, -180.0)),
        ((90.0, 0.0), (90.0, 77.7)),
        ((-90.0, 0.0), (-90.0, -180.0)),
        ((-0.0, 5.0), (0.0, 5.0)),
        ((5.0, -0.0), (5.0, 0.0)),
    ],
)
def test_one_place_has_one_cell(one: tuple[float, float], other: tuple[float, float]) -> None:
    """The two names of the date line, all longitudes of a pole, and both zeros are one cell."""
    assert cell_at(*one) == cell_at(*other)


@given(positions)
def test_a_vector_is_as_long_as_the_globe_is_wide(position: tuple[float, float]) -> None:
    """Three whole numbers, of the same length everywhere, whose direction is the cell's centre."""
    vector = vector_of(cell_at(*position))
    assert math.hypot(*vector) == pytest.approx(VECTOR_LENGTH, abs=1)
    lat, _ = centre_of(cell_at(*position))
    assert vector.z == round(VECTOR_LENGTH * math.sin(math.radians(lat)))


@pytest.mark.parametrize("y", [-VECTOR_LENGTH, -1, 0, VECTOR_LENGTH])
@pytest.mark.parametrize("z", [-VECTOR_LENGTH, -1, 0, VECTOR_LENGTH])
def test_two_coordinates_share_a_number(y: int, z: int) -> None:
    """What is packed is found again by the SQL of their sampled columns, whatever their signs."""
    (found,) = sqlite3.connect(":memory:").execute(
        f"SELECT {storage.Y.sql(SQLITE)}, {storage.Z.sql(SQLITE)} FROM (SELECT ? AS yz)", (packed(Vector(0, y, z)),)
    )
    assert (y, z) == found


@given(positions, positions)
@example((90.0, 0.0), (-90.0, 0.0))
@example((0.0, 0.0), (0.0, 180.0))
@example((18.52, 73.857), (18.52, 73.857))
def test_kilometres_are_those_of_the_sphere(one: tuple[float, float], other: tuple[float, float]) -> None:
    """They agree with haversine between the cells' centres, to what the docstring promises of far away."""
    cells = cell_at(*one), cell_at(*other)
    squared = squared_chord(*map(vector_of, cells))
    assert 0 <= squared < 2**49
    shown, exact = kilometres(squared), haversine_km(*map(centre_of, cells))
    assert shown == round(shown, 3)
    tolerance_km = 0.002 if exact < 10_000 else 0.1 if exact < 19_900 else 5.2
    assert abs(shown - exact) <= tolerance_km
    assert squared == squared_chord(*map(vector_of, reversed(cells)))


@given(st.lists(st.integers(0, 4 * VECTOR_LENGTH**2 + 4), min_size=2, max_size=2))
def test_kilometres_grow_with_the_squared_chord(squares: list[int]) -> None:
    """What is further by the one is not nearer by the other; beyond the diameter it stays at half round the globe."""
    less, more = sorted(squares)
    assert kilometres(less) <= kilometres(more) <= round(math.pi * EARTH_RADIUS_KM, 3)


@given(st.integers(1, 5000))
def test_a_radius_takes_in_what_is_no_further(tenths: int) -> None:
    """The greatest squared chord within a radius is shown as that radius, and the next one as no less."""
    within = squared_chord_of(tenths / 10)
    assert kilometres(within) <= tenths / 10 + 0.0005
    assert kilometres(within + 1) >= tenths / 10 - 0.0005


def test_neighbours_are_a_cell_apart() -> None:
    """At the equator the next cell is 0.6 m to the east, and half of that is what a position is moved at most."""
    one, other = (vector_of(cell_at(0.0, lon)) for lon in (10.0, 10.0 + CELL_DEGREES))
    assert kilometres(squared_chord(one, other)) == pytest.approx(0.0006, abs=0.0006)
    assert squared_chord(Vector(1, 2, 3), Vector(-1, 5, 3)) == 13
