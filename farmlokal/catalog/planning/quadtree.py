"""The squares of a quadtree over the globe, with the sampled rows in each: made when first looked at, and kept.

A square of level *n* is one of the 4ⁿ that 360° by 360° are cut into: all cells whose numbers begin with the same
2 · *n* bits, one range of an index. What does not depend on a question is worked out once for all: the sample that a
tree is of lives for minutes, and pages near one town look at the same squares.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from farmlokal.catalog.places import CELL_BITS, degrees_of, first_cell

# The poles are borders of the squares of this level, and so is the equator: within one, the cosine of the latitude has
# its extremes at its borders. Of its 16 squares, 8 lie on the globe.
FIRST_LEVEL = 2
_FIRST_ROWS = (1, 2)
# A square with its borders takes some 500 bytes: 12 MB at most, where places all over the globe are asked for.
_KEPT_MAX = 24_576


Border = tuple[float, float, float]
"""A parallel or a meridian: sine and cosine of half its angle, and the cosine of it, which is that of a latitude."""
Borders = tuple[Border, Border, Border, Border, Border, Border]
"""South, middle, north, and west, middle, east: the middles are those of a square's quarters."""


class Node:
    """A square.

    level, row, column: which. first, end: its cells, without the end. start, stop, rows: the sampled rows in it, in the
    order of cells, and their number. single: whether all of these are in one cell, or there are none.
    """

    __slots__ = (
        *("borders", "column", "end", "first", "level", "quarters", "row"),
        *("rows", "single", "start", "stop"),
    )

    def __init__(self, level: int, row: int, column: int, first: int, start: int, stop: int) -> None:
        self.level, self.row, self.column = level, row, column
        self.first, self.end = first, first + (1 << 2 * (CELL_BITS - level))
        self.start, self.stop, self.rows = start, stop, stop - start
        self.single = True
        self.borders: Borders | None = None
        self.quarters: tuple[Node, Node, Node, Node] | None = None

    def __repr__(self) -> str:
        return f"<Node level={self.level} row={self.row} column={self.column} rows={self.rows}>"


class Four(NamedTuple):
    """Four squares that meet at a corner. borders: south, north, west and east. rows: the sampled rows in them."""

    nodes: tuple[Node, ...]
    borders: tuple[Border, Border, Border, Border]
    rows: int


class Quadtree:
    """The squares over some cells.

    cells: those of the sampled rows, sorted. levels: by the part of the globe, that of the squares that were looked at
    first for the last point in there.
    """

    def __init__(self, cells: Sequence[int]) -> None:
        self.cells = cells
        self.levels: dict[tuple[int, int], int] = {}
        self._made: dict[tuple[int, int], Node] = {}
        self._fours: dict[tuple[int, int, int], Four] = {}
        self._parallels: dict[int, Border] = {}
        self._meridians: dict[int, Border] = {}

    def __repr__(self) -> str:
        return f"<Quadtree cells={len(self.cells)} squares={len(self._made)}>"

    def roots(self) -> list[Node]:
        """The squares that the globe is made of."""
        return [self.node(FIRST_LEVEL, row, column) for row in _FIRST_ROWS for column in range(1 << FIRST_LEVEL)]

    def node(self, level: int, row: int, column: int) -> Node:
        """A square by its level, row and column."""
        first = first_cell(level, row, column)
        node = self._made.get((level, first))
        if node is None:
            start, stop = self.rows_within(level, first)
            node = self._make(level, row, column, first, start, stop)
        return node

    def four(self, level: int, south: int, west: int) -> Four | None:
        """The squares of two rows and two columns, the first of which are given; None where they pass a pole."""
        if south < 1 << level >> 2 or south + 1 >= 3 << level >> 2:
            return None
        found = self._fours.get((level, south, west))
        if found is None:
            places = [(row, column) for row in (south, south + 1) for column in (west, west + 1)]
            nodes = tuple([self.node(level, row, column % (1 << level)) for row, column in places])
            lowest, highest = self.borders_of(nodes[0]), self.borders_of(nodes[3])
            borders = lowest[0], highest[2], lowest[3], highest[5]
            found = self._fours[level, south, west] = Four(nodes, borders, sum([node.rows for node in nodes]))
        return found

    def rows_within(self, level: int, first: int) -> tuple[int, int]:
        """Where the sampled rows of the square with this first cell begin and end."""
        start = bisect_left(self.cells, first)
        return start, bisect_left(self.cells, first + (1 << 2 * (CELL_BITS - level)), start)

    def quarters_of(self, node: Node) -> tuple[Node, Node, Node, Node]:
        """What a square is cut into: south-west, south-east, north-west, north-east, the order of their cells."""
        if node.quarters is None:
            level, quarter = node.level + 1, (node.end - node.first) // 4
            row, column, first, start = 2 * node.row, 2 * node.column, node.first, node.start
            quarters = []
            for north, east in ((0, 0), (0, 1), (1, 0), (1, 1)):
                stop = start if start == node.stop else bisect_left(self.cells, first + quarter, start, node.stop)
                known = self._made.get((level, first))
                quarters.append(known or self._make(level, row + north, column + east, first, start, stop))
                first, start = first + quarter, stop
            a, b, c, d = quarters
            node.quarters = a, b, c, d
        return node.quarters

    def borders_of(self, node: Node) -> Borders:
        """Those of a square."""
        if node.borders is None:
            width = CELL_BITS - node.level
            half = 1 << width >> 1
            south, west = node.row << width, node.column << width
            node.borders = (
                *(self._parallel(south), self._parallel(south + half), self._parallel(south + 2 * half)),
                *(self._meridian(west), self._meridian(west + half), self._meridian(west + 2 * half)),
            )
        return node.borders

    def _make(self, level: int, row: int, column: int, first: int, start: int, stop: int) -> Node:
        if len(self._made) >= _KEPT_MAX:
            self._forget()
        node = self._made[level, first] = Node(level, row, column, first, start, stop)
        node.single = start == stop or self.cells[start] == self.cells[stop - 1]
        return node

    def _forget(self) -> None:
        for node in self._made.values():
            node.quarters = None
        for kept in (self._made, self._fours, self._parallels, self._meridians):
            kept.clear()

    def _parallel(self, row: int) -> Border:
        found = self._parallels.get(row)
        if found is None:
            found = self._parallels[row] = _border(degrees_of(row))
        return found

    def _meridian(self, column: int) -> Border:
        found = self._meridians.get(column)
        if found is None:
            found = self._meridians[column] = _border(degrees_of(column))
        return found


def _border(degrees: float) -> Border:
    angle = math.radians(degrees)
    return math.sin(angle / 2), math.cos(angle / 2), max(0.0, math.cos(angle))
