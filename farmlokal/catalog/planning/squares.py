"""Squares of a quadtree over the globe, in the order of their distance from a point.

Which squares are cut further is told by the sample: where many products are, they are small.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from farmlokal.catalog.places import CELL_BITS
from farmlokal.catalog.planning.chords import Point
from farmlokal.catalog.planning.quadtree import FIRST_LEVEL, Node, Quadtree

# What a square may hold that is not cut further. Smaller ones are more to plan and more ranges of the index; larger
# ones are looked through for little where only a corner of them is near.
SQUARE_ROWS = 64

# A range of cells costs as much as reading so many entries: a gap between two that holds fewer is read with them.
GAP_ROWS = 24
# Four squares around the point are searched first where they hold so many times what is looked for: the circle that
# fits into them around the point is a fifth of their area at least, three quarters at most.
_AROUND = 4
# Parts of the globe of some 150 km, and the level that is tried first in one that is new.
_PART_WIDTH = CELL_BITS - 8
_LEVEL_USUAL = 11


Part = tuple[int, int, int, int]
"""First cell and end, and where the sampled rows in it start and stop."""


class Square(NamedTuple):
    """A range of cells.

    nearest, furthest: no product in it has a squared chord to the point that is less, or more. first, end: its cells,
    without the end. start, stop: the sampled rows in it, in the order of cells. single: whether these are at one place.
    """

    nearest: int
    furthest: int
    first: int
    end: int
    start: int
    stop: int
    single: bool

    def __len__(self) -> int:
        return self.stop - self.start


Cut = Callable[[Node, float, float], bool]


class Window(NamedTuple):
    """The squared chords that are looked for: what is nearer or further is left out with its whole square."""

    least: int
    most: int


def squares_around(
    tree: Quadtree, cell: int, cut: Cut, window: Window, *, outward: bool = True, rows: float = math.inf
) -> Iterator[Square]:
    """The squares that cover what lies within `window`, those first whose nearest point is nearest.

    cell: where the point is. cut: says of a square that is more than a cell, and of the least and the greatest chord to
    it, whether to cut it into four; what it refuses is yielded as it is. outward: else those first whose furthest point
    is furthest. rows: the sampled rows that will do, where these are few: then what is far is looked at only if needed.
    """
    search = _Search(tree, Point(cell), window, outward, rows)
    heap = search.waiting
    while heap:
        _, first, nearest, furthest, node = heappop(heap)
        if node is None:
            search.begin_anew()
        elif node.level < CELL_BITS and (cut(node, nearest, furthest) or search.must_cut(node)):
            search.push_quarters(node)
        elif search.is_new(first):
            yield search.square(node, nearest, furthest)


def is_small_part(node: Node, nearest: float, furthest: float, within: float) -> bool:
    """Whether a disc, of which `within` is the radius, may be but a small part of what a square holds.

    Where it holds no sampled row there is little to leave out; and at a pole, where squares are slivers, there would be
    no end of cutting.
    """
    return furthest > within and node.rows > 0 and furthest - nearest > 2 * within


def joined(parts: Iterable[Part], gap_rows: float) -> list[tuple[int, int]]:
    """The same cells in few ranges, sorted, with gaps between them filled that hold at most so many sampled rows.

    What is found in a gap is no nearer than what it is looked for, or further: it is left out by its distance.
    """
    joined: list[tuple[int, int]] = []
    last_stop = 0
    for first, end, start, stop in sorted(parts):
        if first == end:
            continue
        if joined and start - last_stop <= gap_rows:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
        last_stop = stop
    return joined


_Waiting = tuple[float, int, float, float, Node | None]
"""What is ordered by, the first cell, the least and the greatest chord, and the square; None for everything."""


class _Search:
    """What waits to be looked at, the next first: all of the globe, or first four squares around the point."""

    def __init__(self, tree: Quadtree, point: Point, window: Window, outward: bool, rows: float) -> None:
        self.waiting: list[_Waiting] = []
        self._tree, self._point, self._outward = tree, point, outward
        self._least, self._most = math.sqrt(window.least), math.sqrt(window.most)
        self._around = _Around((), math.inf)
        if outward and window.least == 0:
            self._around = _around(tree, point, rows, self._most)
        self._seen: set[int] | None = None
        self._anew = False
        self._push(self._around.nodes or tree.roots())
        edge = self._around.edge
        if edge <= self._most:
            heappush(self.waiting, (edge, -1, edge, edge, None))
            self._seen = set()

    def _push(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            nearest, furthest = self._point.chords(self._tree.borders_of(node), node)
            if furthest >= self._least and nearest <= self._most:
                key = nearest if self._outward else -furthest
                heappush(self.waiting, (key, node.first, nearest, furthest, node))

    def begin_anew(self) -> None:
        """Look at the whole globe: all that is nearer than the edge of the four squares has been found."""
        self._anew = True
        self.waiting.clear()
        self._push(self._tree.roots())

    def must_cut(self, node: Node) -> bool:
        """Whether a square has one of the four in it: some of what is in these has been found."""
        return self._anew and self._around.is_part_of(node)

    def push_quarters(self, node: Node) -> None:
        """Cut a square into four."""
        tree, least, most, outward = self._tree, self._least, self._most, self._outward
        chords = self._point.quarters(node.borders or tree.borders_of(node), node)
        for quarter, (near, far) in zip(node.quarters or tree.quarters_of(node), chords, strict=True):
            if far >= least and near <= most:
                heappush(self.waiting, (near if outward else -far, quarter.first, near, far, quarter))

    def is_new(self, first: int) -> bool:
        """Whether the square with this first cell has not been found before. Remembers it."""
        if self._seen is None:
            return True
        if first in self._seen:
            return False
        self._seen.add(first)
        return True

    def square(self, node: Node, nearest: float, furthest: float) -> Square:
        """A square with its squared chords: those of a cell are exact."""
        if node.level == CELL_BITS:
            exact = self._point.to_cell(node.first)
            return Square(exact, exact, node.first, node.end, node.start, node.stop, True)
        if self._anew:
            nearest = max(nearest, self._around.edge)
        least, most = int(nearest * nearest), int(furthest * furthest) + 1
        return Square(least, most, node.first, node.end, node.start, node.stop, node.single)


class _Around(NamedTuple):
    """Four squares around a point, or none; and the least chord to what is outside of them."""

    nodes: Sequence[Node]
    edge: float

    def is_part_of(self, node: Node) -> bool:
        """Whether one of them is a part of another square."""
        return any(node.first <= one.first and one.end <= node.end and one is not node for one in self.nodes)


def _around(tree: Quadtree, point: Point, rows: float, most: float) -> _Around:
    """The smallest four squares around a point that hold enough, or all within `most`; none where only the globe does.

    Begins with the size that was right for the last point in this part of the globe.
    """
    part = point.row >> _PART_WIDTH, point.column >> _PART_WIDTH

    def enough(level: int) -> _Around | None:
        half = CELL_BITS - level - 1
        # Those of a half in which the point is meet at its other side.
        four = tree.four(level, ((point.row >> half) - 1) // 2, ((point.column >> half) - 1) // 2)
        if four is None:
            return None
        edge = point.edge(*four.borders)
        return _Around(four.nodes, edge) if edge > most or four.rows >= rows * _AROUND else None

    level = tree.levels.get(part, _LEVEL_USUAL)
    found = enough(level)
    while found is None and level > FIRST_LEVEL + 1:
        level -= 1
        found = enough(level)
    while found is not None and level < CELL_BITS - 1 and (finer := enough(level + 1)) is not None:
        level += 1
        found = finer
    tree.levels[part] = level
    return found or _Around((), math.inf)
