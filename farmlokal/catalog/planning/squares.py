"""Squares of a quadtree over the globe, in the order of their distance from a point.

Which squares are cut further is told by the sample: where many products are, they are small. What bounds their distance
is the haversine formula, whose two terms are bounded one by one. Lengths are chords, in units of `VECTOR_LENGTH`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from farmlokal.catalog.places import CELL_BITS, VECTOR_LENGTH, centre_of, row_and_column, squared_chord, vector_of
from farmlokal.catalog.planning.quadtree import FIRST_LEVEL, Border, Borders, Node, Quadtree

# What a square may hold that is not cut further. Smaller ones are more to plan and more ranges of the index; larger
# ones are looked through for little where only a corner of them is near.
SQUARE_ROWS = 64

# Each end of a chord is a cell's centre, rounded in three coordinates: √3 · ½ at most, and as much for doubles.
_ROUNDING = 3.0
_DIAMETER = 2 * VECTOR_LENGTH
_HALF_TURN = 1 << (CELL_BITS - 1)
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
    point, least, most = _Point(cell), math.sqrt(window.least), math.sqrt(window.most)
    around = _Around((), math.inf)
    if outward and window.least == 0:
        around = _around(tree, point, rows, most)
    heap: list[_Waiting] = []
    for node in around.nodes or tree.roots():
        nearest, furthest = point.chords(tree.borders_of(node), node)
        if furthest >= least and nearest <= most:
            heappush(heap, (nearest if outward else -furthest, node.first, nearest, furthest, node))
    # Where all that is nearer than the edge has been found, the search begins anew, with everything.
    seen: set[int] | None = None
    anew = False
    if around.edge <= most:
        heappush(heap, (around.edge, -1, around.edge, around.edge, None))
        seen = set()
    while heap:
        _, first, nearest, furthest, found = heappop(heap)
        if found is None:
            anew = True
            bounds = [(root, *point.chords(tree.borders_of(root), root)) for root in tree.roots()]
            heap = [(near, root.first, near, far, root) for root, near, far in bounds if near <= most]
            heapify(heap)
            continue
        if found.level < CELL_BITS and (cut(found, nearest, furthest) or (anew and around.is_part_of(found))):
            chords = point.quarters(found.borders or tree.borders_of(found), found)
            for quarter, (near, far) in zip(found.quarters or tree.quarters_of(found), chords, strict=True):
                if far >= least and near <= most:
                    heappush(heap, (near if outward else -far, quarter.first, near, far, quarter))
            continue
        if seen is not None:
            if first in seen:
                continue
            seen.add(first)
        if found.level == CELL_BITS:
            exact = point.to_cell(first)
            yield Square(exact, exact, first, found.end, found.start, found.stop, True)
            continue
        if anew and nearest < around.edge:
            nearest = around.edge  # what is nearer has been found
        least_squared, most_squared = int(nearest * nearest), int(furthest * furthest) + 1
        yield Square(least_squared, most_squared, first, found.end, found.start, found.stop, found.single)


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


class _Point:
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
        return (
            nearest if nearest > 0.0 else 0.0,
            _DIAMETER * math.sqrt(furthest if furthest < 1.0 else 1.0) + _ROUNDING,
        )


class _Around(NamedTuple):
    """Four squares around a point, or none; and the least chord to what is outside of them."""

    nodes: Sequence[Node]
    edge: float

    def is_part_of(self, node: Node) -> bool:
        """Whether one of them is a part of another square."""
        return any(node.first <= one.first and one.end <= node.end and one is not node for one in self.nodes)


def _around(tree: Quadtree, point: _Point, rows: float, most: float) -> _Around:
    """The smallest four squares around a point that hold enough, or all within `most`; none where only the globe does.

    Begins with the size that was right for the last point in this part of the globe.
    """
    part = point.row >> _PART_WIDTH, point.column >> _PART_WIDTH

    def enough(level: int) -> _Around | None:
        half = CELL_BITS - level - 1
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
