"""Squares around a point cover everything, in order, and bound what is in them; and the disc that is made of them."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.places import CELLS, cell_at, squared_chord, vector_of
from farmlokal.catalog.planning.disc import disc_around
from farmlokal.catalog.planning.quadtree import Node, Quadtree
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.squares import Window, squares_around
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.near import POINT
from tests.catalog.questions import row_type, where

EVERYTHING = Window(0, 5 * 10**14)
places = st.tuples(
    st.sampled_from([90.0, -90.0, 0.0, 45.0]) | st.floats(-90, 90),
    st.sampled_from([180.0, -180.0, 0.0, 90.0]) | st.floats(-180, 180),
)


def crowded(node: Node, nearest: float, furthest: float) -> bool:
    """Whether to cut a square: it holds two products."""
    return node.rows > 1


offsets = st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05))


def wrapped(lon: float) -> float:
    """A longitude between -180° and 180°."""
    return (lon + 180) % 360 - 180


@pytest.mark.parametrize(("outward", "rows"), [(True, math.inf), (True, 0.3), (True, 5), (False, math.inf)])
@given(point=places, others=st.lists(places, max_size=60), near_by=st.lists(offsets, max_size=20))
def test_squares_cover_the_globe_in_order(
    outward: bool,
    rows: float,
    point: tuple[float, float],
    others: list[tuple[float, float]],
    near_by: list[tuple[float, float]],
) -> None:
    """Every cell on the globe is in one of them; no product is nearer or further than its square says; both orders.

    Also where the search begins with few squares around the point, and needs others later.
    """
    origin = vector_of(cell_at(*point))
    others = [*others, *[(max(-90, min(90, point[0] + lat)), wrapped(point[1] + lon)) for lat, lon in near_by]]
    cells = sorted(cell_at(*place) for place in others)
    around = squares_around(Quadtree(cells), cell_at(*point), crowded, EVERYTHING, outward=outward, rows=rows)
    squares = list(around)
    order = [square.nearest if outward else -square.furthest for square in squares]
    assert sorted(order) == order
    assert CELLS // 2 == sum(square.end - square.first for square in squares)
    found = []
    for square in squares:
        for cell in cells[square.start : square.stop]:
            assert square.first <= cell < square.end
            assert square.nearest <= squared_chord(origin, vector_of(cell)) <= square.furthest
            found.append(cell)
    assert cells == sorted(found)


@given(point=places, others=st.lists(places, max_size=60), data=st.data())
def test_a_window_leaves_out_nothing_within_it(
    point: tuple[float, float], others: list[tuple[float, float]], data: st.DataObject
) -> None:
    """Whatever has its squared chord within the window is in a square, ties with its ends too."""
    origin = vector_of(cell_at(*point))
    cells = sorted(cell_at(*place) for place in others)
    chords = [squared_chord(origin, vector_of(cell)) for cell in cells]
    ends = data.draw(st.tuples(*[st.sampled_from(chords or [0])] * 2))
    window = Window(min(ends), max(ends))
    squares = list(squares_around(Quadtree(cells), cell_at(*point), crowded, window))
    within = {cell for cell, chord in zip(cells, chords, strict=True) if window.least <= chord <= window.most}
    assert within <= {cell for square in squares for cell in cells[square.start : square.stop]}


def test_a_disc_at_sea_is_not_the_coast() -> None:
    """Beside a coast with half a million products, a disc that holds none is covered by next to nothing."""
    draw = random.Random(3)
    rows = []
    for number in range(16_000):
        cell = cell_at(draw.uniform(10, 20), draw.uniform(75, 80))
        values = dict.fromkeys(row_type()._fields, 0) | {"id": number, "cell": cell}
        rows.append(row_type()(**values | dict(zip("xyz", vector_of(cell), strict=True))))
    sample = Sample(rows, 0.03)
    disc = disc_around(where(near=POINT.parse("15,88"), radius_km=5000).get(NEAR), sample)
    assert disc is not None
    assert len(disc.rows) <= 20
    assert disc_around(where(near=POINT.parse("15,77"), radius_km=5000).get(NEAR), sample) is None
