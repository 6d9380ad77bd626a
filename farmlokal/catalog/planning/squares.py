"""Squares of a quadtree over the globe, in the order of their distance from a point.

A square of level *n* is one of the 4ⁿ that 360° by 360° are cut into: all cells whose numbers begin with the same
2 · *n* bits, one range of an index. Which squares are cut further is told by the sample: where many products are, they
are small. What bounds their distance is the haversine formula, whose two terms are bounded one by one.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

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
_FIRST_SQUARES = [
    (row, column, first_cell(_FIRST_LEVEL, row, column)) for row in _FIRST_ROWS for column in range(1 << _FIRST_LEVEL)
]
_FIRST_CELLS = 1 << 2 * (CELL_BITS - _FIRST_LEVEL)
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
    bounds, heap = _Bounds(cell), list[_Waiting]()

    def push(level: int, row: _Side, column: _Side, first: int, start: int, stop: int) -> None:
        nearest, furthest = bounds.of(level, row, column, first)
        if furthest >= window.least and nearest <= window.most:
            square = Square(nearest, furthest, first, first + (1 << 2 * (CELL_BITS - level)), start, stop)
            heappush(heap, (nearest if outward else -furthest, first, level, row, column, square))

    for south, west, first in _FIRST_SQUARES:
        start, stop = bisect_left(sampled, first), bisect_left(sampled, first + _FIRST_CELLS)
        push(_FIRST_LEVEL, bounds.row(south), bounds.column(west), first, start, stop)
    while heap:
        _, first, level, row, column, square = heappop(heap)
        if level == CELL_BITS or not cut(square):
            yield square
            continue
        level += 1
        rows, columns = bounds.halves_of_row(level, row), bounds.halves_of_column(level, column)
        cells, start, stop = (square.end - first) // 4, square.start, square.stop
        for north, east in _QUARTERS:
            end = start if start == stop else bisect_left(sampled, first + cells, start, stop)
            push(level, rows[north], columns[east], first, start, end)
            first, start = first + cells, end


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


class _Side(NamedTuple):
    """A row or a column of squares of one level.

    number: which. low, high: of its borders, as `_Bounds.border_row` or `border_column` has them. least, most: of what
    they are for a place in it. near, far: of a row, the cosines of its latitudes times that of the point, the least and
    the greatest.
    """

    number: int
    low: Any
    high: Any
    least: float
    most: float
    near: float = 0.0
    far: float = 0.0


_Waiting = tuple[int, int, int, _Side, _Side, Square]
"""What is ordered by, the first cell, the level, the row, the column, and the square."""


class _Bounds:
    """Least and greatest squared chords from a cell's centre to squares. What squares share is worked out once."""

    def __init__(self, cell: int) -> None:
        self._origin = vector_of(cell)
        self._row, self._column = row_and_column(cell)
        self._opposite = (self._column + _HALF_TURN) % (2 * _HALF_TURN)
        self._lat, self._lon = map(math.radians, centre_of(cell))
        self._cosine = math.cos(self._lat)
        # By the border between the two halves: each is of one level alone, and many squares have it in common.
        self._rows: dict[int, tuple[_Side, _Side]] = {}
        self._columns: dict[int, tuple[_Side, _Side]] = {}

    def of(self, level: int, row: _Side, column: _Side, first: int) -> tuple[int, int]:
        """Of the square where a row and a column of a level meet. first: its first cell."""
        if level == CELL_BITS:
            exact = squared_chord(self._origin, vector_of(first))
            return exact, exact
        nearest = 2 * VECTOR_LENGTH * math.sqrt(row.least + row.near * column.least) - _ROUNDING
        far = row.most + row.far * column.most
        furthest = 2 * VECTOR_LENGTH * math.sqrt(min(1.0, far)) + _ROUNDING
        return int(nearest * nearest) if nearest > 0.0 else 0, int(furthest * furthest) + 1

    def row(self, number: int) -> _Side:
        """A row of the first level."""
        width = CELL_BITS - _FIRST_LEVEL
        return self._row_between(
            _FIRST_LEVEL, number, self._border_row(number << width), self._border_row((number + 1) << width)
        )

    def column(self, number: int) -> _Side:
        """A column of the first level."""
        width = CELL_BITS - _FIRST_LEVEL
        west, east = self._border_column(number << width), self._border_column((number + 1) << width)
        return self._column_between(_FIRST_LEVEL, number, west, east)

    def halves_of_row(self, level: int, row: _Side) -> tuple[_Side, _Side]:
        """The two rows of a level that one of the level before is cut into."""
        north = 2 * row.number + 1
        border = north << (CELL_BITS - level)
        halves = self._rows.get(border)
        if halves is None:
            middle = self._border_row(border)
            south = self._row_between(level, north - 1, row.low, middle)
            halves = self._rows[border] = south, self._row_between(level, north, middle, row.high)
        return halves

    def halves_of_column(self, level: int, column: _Side) -> tuple[_Side, _Side]:
        """The two columns of a level that one of the level before is cut into."""
        east = 2 * column.number + 1
        border = east << (CELL_BITS - level)
        halves = self._columns.get(border)
        if halves is None:
            middle = self._border_column(border)
            west = self._column_between(level, east - 1, column.low, middle)
            halves = self._columns[border] = west, self._column_between(level, east, middle, column.high)
        return halves

    def _row_between(self, level: int, number: int, south: tuple[float, float], north: tuple[float, float]) -> _Side:
        (rise, cosine), (other_rise, other_cosine) = (south, north) if south[0] <= north[0] else (north, south)
        near, far = (cosine, other_cosine) if cosine <= other_cosine else (other_cosine, cosine)
        if self._row >> (CELL_BITS - level) == number:
            rise = 0.0
        return _Side(number, south, north, rise, other_rise, self._cosine * near, self._cosine * far)

    def _column_between(self, level: int, number: int, west: float, east: float) -> _Side:
        turn, turn_max = (west, east) if west <= east else (east, west)
        width = CELL_BITS - level
        if self._column >> width == number:
            turn = 0.0
        if self._opposite >> width == number:
            turn_max = 1.0
        return _Side(number, west, east, turn, turn_max)

    def _border_row(self, row: int) -> tuple[float, float]:
        """The haversine of the latitudes between a border and the point, and the cosine of the border's."""
        lat = math.radians(degrees_of(row))
        return math.sin((lat - self._lat) / 2) ** 2, max(0.0, math.cos(lat))

    def _border_column(self, column: int) -> float:
        """The haversine of the longitudes between a border and the point: the same either way round the globe."""
        lon = math.radians(degrees_of(column))
        return math.sin((lon - self._lon) / 2) ** 2
