"""Squares of a quadtree over the globe, in the order of their distance from a point.

A square of level *n* is one of the 4ⁿ that 360° by 360° are cut into: all cells whose numbers begin with the same
2 · *n* bits, one range of an index. Which squares are cut further is told by the sample: where many products are, they
are small. What bounds their distance is the haversine formula, whose two terms are bounded one by one.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import product
from typing import NamedTuple

from farmlokal.catalog.places import (
    CELL_BITS,
    VECTOR_LENGTH,
    centre_of,
    degrees_of,
    first_cell,
    row_and_column,
    squared_chord,
    vector_of,
)

# What a square may hold that is not cut further. Smaller ones are more to plan and more ranges of the index; larger
# ones are looked through for little where only a corner of them is near.
SQUARE_ROWS = 64

# The poles are borders of the squares of this level, and so is the equator: within one, the cosine of the latitude has
# its extremes at its borders. Of its 16 squares, 8 lie on the globe.
_FIRST_LEVEL = 2
_FIRST_ROWS = (1, 2)
# Each end of a chord is a cell's centre, rounded in three coordinates: √3 · ½ at most, and as much for doubles.
_ROUNDING = 3.0
_QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # north or south, east or west: in the order of their cells
_HALF_TURN = 1 << (CELL_BITS - 1)


class Square(NamedTuple):
    """A range of cells.

    nearest, furthest: no product in it has a squared chord to the point that is less, or more. first, end: its cells,
    without the end. start, stop: the sampled rows in it, in the order of cells.
    """

    nearest: int
    furthest: int
    first: int
    end: int
    start: int
    stop: int

    @property
    def is_cell(self) -> bool:
        """Whether everything in it is at one and the same place."""
        return self.end - self.first == 1

    def __len__(self) -> int:
        return self.stop - self.start


Cut = Callable[[Square], bool]


class Window(NamedTuple):
    """The squared chords that are looked for: what is nearer or further is left out with its whole square."""

    least: int
    most: int


def squares_around(
    cell: int, sampled: Sequence[int], cut: Cut, window: Window, *, outward: bool = True
) -> Iterator[Square]:
    """The squares that cover what lies within `window`, those first whose nearest point is nearest.

    cell: where the point is. sampled: the cells of the sampled rows, sorted. cut: says of a square that is more than a
    cell whether to cut it into four; what it refuses is yielded as it is. outward: else those first whose furthest
    point is furthest.
    """
    bounds = _Bounds(cell)
    heap: list[tuple[int, int, int, int, int, Square]] = []

    def push(level: int, row: int, column: int, first: int, start: int, stop: int) -> None:
        width = CELL_BITS - level
        nearest, furthest = bounds.of(row << width, column << width, width, first)
        if furthest < window.least or nearest > window.most:
            return
        end = first + (1 << 2 * width)
        start = bisect_left(sampled, first, start, stop)
        square = Square(nearest, furthest, first, end, start, bisect_left(sampled, end, start, stop))
        heappush(heap, (nearest if outward else -furthest, first, level, row, column, square))

    for row, column in product(_FIRST_ROWS, range(1 << _FIRST_LEVEL)):
        push(_FIRST_LEVEL, row, column, first_cell(_FIRST_LEVEL, row, column), 0, len(sampled))
    while heap:
        _, first, level, row, column, square = heappop(heap)
        if level == CELL_BITS or not cut(square):
            yield square
            continue
        cells = (square.end - first) // 4
        for quarter, (north, east) in enumerate(_QUARTERS):
            push(level + 1, 2 * row + north, 2 * column + east, first + quarter * cells, square.start, square.stop)


def small_part(square: Square, within: int) -> bool:
    """Whether a disc, of which `within` is the squared radius, may be but a small part of what a square holds.

    Where it holds no sampled row there is little to leave out; and at a pole, where squares are slivers, there would be
    no end of cutting.
    """
    if not len(square) or square.furthest <= within:
        return False
    return math.sqrt(square.furthest) - math.sqrt(square.nearest) > 2 * math.sqrt(within)


def joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same cells in as few ranges as there can be, sorted."""
    joined: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], end)
        elif first < end:
            joined.append((first, end))
    return joined


class _Bounds:
    """Least and greatest squared chords from a cell's centre to squares. Borders are shared, and worked out once."""

    def __init__(self, cell: int) -> None:
        self._origin = vector_of(cell)
        self._row, self._column = row_and_column(cell)
        self._opposite = (self._column + _HALF_TURN) % (2 * _HALF_TURN)
        self._lat, self._lon = map(math.radians, centre_of(cell))
        self._cosine = math.cos(self._lat)
        self._rows: dict[int, tuple[float, float]] = {}
        self._columns: dict[int, float] = {}

    def of(self, south: int, west: int, width: int, first: int) -> tuple[int, int]:
        """Of a square. south, west: its borders. width: 2 to this power cells on either axis. first: its first cell."""
        if width == 0:
            exact = squared_chord(self._origin, vector_of(first))
            return exact, exact
        north, east = south + (1 << width), west + (1 << width)
        south_rise, south_cosine = self._border_row(south)
        north_rise, north_cosine = self._border_row(north)
        west_turn, east_turn = self._border_column(west), self._border_column(east)
        rise, rise_max = min(south_rise, north_rise), max(south_rise, north_rise)
        turn, turn_max = min(west_turn, east_turn), max(west_turn, east_turn)
        if south <= self._row < north:
            rise = 0.0
        if west <= self._column < east:
            turn = 0.0
        if west <= self._opposite < east:
            turn_max = 1.0
        near = rise + self._cosine * min(south_cosine, north_cosine) * turn
        far = rise_max + self._cosine * max(south_cosine, north_cosine) * turn_max
        nearest = max(0.0, 2 * VECTOR_LENGTH * math.sqrt(near) - _ROUNDING)
        furthest = 2 * VECTOR_LENGTH * math.sqrt(min(1.0, far)) + _ROUNDING
        return int(nearest * nearest), int(furthest * furthest) + 1

    def _border_row(self, row: int) -> tuple[float, float]:
        """The haversine of the latitudes between a border and the point, and the cosine of the border's."""
        known = self._rows.get(row)
        if known is None:
            lat = math.radians(degrees_of(row))
            known = self._rows[row] = math.sin((lat - self._lat) / 2) ** 2, max(0.0, math.cos(lat))
        return known

    def _border_column(self, column: int) -> float:
        """The haversine of the longitudes between a border and the point: the same either way round the globe."""
        known = self._columns.get(column)
        if known is None:
            lon = math.radians(degrees_of(column))
            known = self._columns[column] = math.sin((lon - self._lon) / 2) ** 2
        return known
